"""What is said: to train by (the Universal Declaration of Human Rights and pseudo-words), and to measure by."""

from __future__ import annotations

import random

LEARNT = {
    "en-us": [
        "All human beings are born free and equal in dignity and rights.",
        "They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.",
        "Everyone has the right to life, liberty and security of person.",
        "No one shall be held in slavery; slavery and the slave trade shall be prohibited in all their forms.",
        "Everyone has the right to recognition everywhere as a person before the law.",
        "No one shall be subjected to arbitrary arrest, detention or exile.",
        "Everyone has the right to freedom of movement and residence within the borders of each state.",
        "Everyone has the right to own property alone as well as in association with others.",
    ],
    "de": [
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
        "Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen.",
        "Jeder hat das Recht auf Leben, Freiheit und Sicherheit der Person.",
        "Niemand darf in Sklaverei oder Leibeigenschaft gehalten werden.",
        "Alle Menschen sind vor dem Gesetz gleich und haben Anspruch auf gleichen Schutz.",
        "Jeder hat das Recht, überall als rechtsfähig anerkannt zu werden.",
    ],
    "fr": [
        "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
        "Ils sont doués de raison et de conscience et doivent agir dans un esprit de fraternité.",
        "Tout individu a droit à la vie, à la liberté et à la sûreté de sa personne.",
        "Nul ne sera tenu en esclavage ni en servitude.",
        "Chacun a le droit à la reconnaissance en tous lieux de sa personnalité juridique.",
        "Toute personne a droit à la liberté de pensée, de conscience et de religion.",
        "Nul ne peut être arbitrairement arrêté, détenu ni exilé.",
        "Toute personne a droit au repos et aux loisirs et notamment à une limitation raisonnable du temps de travail.",
    ],
    "es": [
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
        "Dotados como están de razón y conciencia, deben comportarse fraternalmente los unos con los otros.",
        "Todo individuo tiene derecho a la vida, a la libertad y a la seguridad de su persona.",
        "Nadie estará sometido a esclavitud ni a servidumbre.",
        "Nadie podrá ser arbitrariamente detenido, preso ni desterrado.",
    ],
    "it": [
        "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
        "Essi sono dotati di ragione e di coscienza e devono agire gli uni verso gli altri in spirito di fratellanza.",
        "Ogni individuo ha diritto alla vita, alla libertà ed alla sicurezza della propria persona.",
        "Nessun individuo potrà essere tenuto in stato di schiavitù o di servitù.",
    ],
    "pl": [
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
        "Są oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
        "Każdy człowiek ma prawo do życia, wolności i bezpieczeństwa swej osoby.",
    ],
    "pt": [
        "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
        "Dotados de razão e de consciência, devem agir uns para com os outros em espírito de fraternidade.",
        "Todo o indivíduo tem direito à vida, à liberdade e à segurança pessoal.",
    ],
}
MEASURED = {
    "en-us": "My mother baked a warm apple pie before breakfast, but nobody came home for it.",
    "de": "Am Abend brachte Papa uns ein paar bunte Blumen mit nach Hause, obwohl es draußen schneite.",
    "fr": "Demain matin, mon ami Paul prépare un bon café pour tout le monde, avec du pain et du beurre.",
    "es": "Mi abuela compraba pan blanco y manzanas maduras por la mañana en el mercado pequeño.",
    "nl": "Morgen brengt mijn broer een paar mooie bloemen mee voor onze moeder, omdat zij jarig is.",
    "cmn": "我妈妈每天早上跑步，然后给我们做包子和面包。",
}
"""One sentence each of six languages; Dutch and Mandarin are in no training."""
_SYLLABLES = (
    ["", "b", "p", "m", "f", "v", "w", "t", "d", "s", "z", "k", "g", "n", "l", "r", "h", "ch", "sh", "br", "pl", "st"],
    ["a", "e", "i", "o", "u", "ai", "au", "ie", "ou"],
    ["", "", "", "m", "n", "p", "b", "t", "s", "l", "r", "k"],
)


def pseudo_words(dice: random.Random, count: int = 9) -> str:
    """Make up words, so that every sound meets every other."""
    words = ("".join(dice.choice(part) for part in _SYLLABLES * dice.randint(1, 3)) for _ in range(count))
    return " ".join(words) + "."
