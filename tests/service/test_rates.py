"""What hosts show of the catalogue: prices of a second, and names of choices."""

import pytest

from lipsync_nodes.host import CATALOGUE


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.id)
def test_the_rates_are_those_of_the_rule(spec):
    assert spec.rates == {"480p": (2, 10), "720p": (4, 20)}


@pytest.mark.parametrize(
    ("endpoint", "seconds", "credits_", "exact"),
    [(1, 6, 12, True), (1, 6.5, 14, False), (1, 2, 10, True), (0, 6, 12, False)],
)
def test_the_cost_of_a_video_is_exact_where_its_rule_is(endpoint, seconds, credits_, exact):
    """For a video with another audio it is not: the video may have been shorter."""
    cost = CATALOGUE[endpoint].cost_of(None, seconds)
    assert (cost, cost.exact) == (credits_, exact)


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.id)
def test_each_choice_has_a_name_in_both_languages_or_in_none(spec):
    for field in spec.fields:
        assert len(field.labels) in {0, len(field.choices)}
        assert len(field.zh_labels) == len(field.labels)
