"""What is said: to train by (the Universal Declaration of Human Rights, pseudo-words), to choose and to measure by."""

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
        "La volonté du peuple est le fondement de l'autorité des pouvoirs publics.",
        "Toute personne a le droit de prendre part librement à la vie culturelle de la communauté.",
        "La maternité et l'enfance ont droit à une aide et à une assistance spéciales.",
        (
            "Nul ne sera l'objet d'immixtions arbitraires dans sa vie privée, sa famille, "
            "son domicile ou sa correspondance."
        ),
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
    "cmn": [
        "人人生而自由，在尊严和权利上一律平等。",
        "他们赋有理性和良心，并应以兄弟关系的精神相对待。",
        "人人有资格享有本宣言所载的一切权利和自由。",
        "人人有权享有生命、自由和人身安全。",
        "任何人不得使为奴隶或奴役，一切形式的奴隶制度和奴隶买卖均应予以禁止。",
        "任何人不得加以酷刑，或施以残忍的、不人道的或侮辱性的待遇或刑罚。",
        "法律之前人人平等，并有权享受法律的平等保护，不受任何歧视。",
        "任何人不得加以任意逮捕、拘禁或放逐。",
        "人人有思想、良心和宗教自由的权利。",
        "人人有享有休息和闲暇的权利，包括工作时间有合理限制和定期给薪休假的权利。",
    ],
}
CHOSEN_BY = {
    "en-us": [
        "Please bring some fresh bread and five plums, and maybe a bottle of lemonade for Bob.",
        "The farmer moved his purple wagon over the bumpy path before the storm.",
    ],
    "de": [
        "Morgen früh backen wir Pfannkuchen mit Blaubeeren und trinken warme Milch dazu.",
        "Der Bäcker verkauft im Sommer auch Obst, aber am liebsten mag er Pflaumen.",
    ],
    "fr": [
        "Ma petite sœur joue du piano avec Marie pendant que le voisin fume une pipe devant sa maison.",
        "Hier soir, les enfants ont mangé des pommes et bu un grand verre de lait froid.",
    ],
    "es": [
        "El hombre viejo vive en una casa blanca y siempre bebe vino con sus amigos.",
        "El domingo vamos a la playa con mi familia, pero primero buscamos el mapa y las botas.",
    ],
    "nl": [
        "Mijn buurman koopt elke week verse vis en brood op de markt bij de brug.",
        "In de zomer fietsen wij vaak door het bos en zwemmen wij samen in het meer.",
    ],
    "cmn": [
        "明天下午我们坐飞机去北京，他们想买一本新书。",
        "他弟弟很喜欢吃苹果，放学以后跟朋友一起踢球。",
    ],
}
"""Other sentences, to choose a net by: neither learnt nor measured."""
MEASURED = {
    "en-us": "My mother baked a warm apple pie before breakfast, but nobody came home for it.",
    "de": "Am Abend brachte Papa uns ein paar bunte Blumen mit nach Hause, obwohl es draußen schneite.",
    "fr": "Demain matin, mon ami Paul prépare un bon café pour tout le monde, avec du pain et du beurre.",
    "es": "Mi abuela compraba pan blanco y manzanas maduras por la mañana en el mercado pequeño.",
    "nl": "Morgen brengt mijn broer een paar mooie bloemen mee voor onze moeder, omdat zij jarig is.",
    "cmn": "我妈妈每天早上跑步，然后给我们做包子和面包。",
}
"""One sentence each of six languages; Dutch is in no training."""
_SYLLABLES = (
    ["", "b", "p", "m", "f", "v", "w", "t", "d", "s", "z", "k", "g", "n", "l", "r", "h", "ch", "sh", "br", "pl", "st"],
    ["a", "e", "i", "o", "u", "ai", "au", "ie", "ou"],
    ["", "", "", "m", "n", "p", "b", "t", "s", "l", "r", "k"],
)


_HANZI = (
    "八怕马发大他那拉卡哈擦撒扎茶沙波破摸佛德特哥可责色者车社热白拍买太奶来该开海再才赛摘柴晒杯配美飞内累给黑"
    "包跑猫刀桃脑老高考好早草扫找超少绕走搜周抽手肉否谋头楼狗口后半盘慢饭单谈南蓝看汉赞三站产山然本盆门分嫩根肯"
    "很怎真陈身人帮旁忙放当糖狼刚抗脏桑张上让朋梦风灯疼冷坑横增层正成声扔比皮米地提你里鸡七西别灭铁姐切写列表票"
    "苗掉跳鸟料叫桥小丢牛六九秋修边片面点天年连见钱先品民林近亲心两强想娘兵平明定听宁领京请星不普木父读图努路古"
    "苦虎组粗苏主出书入夺脱诺罗过阔活做错所桌说弱对腿贵亏回最翠岁追吹水锐短团暖乱关宽欢专穿软顿吞论滚困婚尊村孙"
    "准春顺光狂黄装窗双东同农龙公空红葱松中虫荣女绿句去许决却学卷全选军群寻安爱恩一五雨我外王问元用月云"
)


def pseudo_words(dice: random.Random, language: str = "", count: int = 9) -> str:
    """Make up words, so that every sound meets every other."""
    if language == "cmn":
        return "，".join("".join(dice.choice(_HANZI) for _ in range(dice.randint(3, 6))) for _ in range(count // 2))
    words = ("".join(dice.choice(part) for part in _SYLLABLES * dice.randint(1, 3)) for _ in range(count))
    return " ".join(words) + "."
