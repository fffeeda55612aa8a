"""The price of a credit: from the profile or the environment, never from the package."""

import pickle
from decimal import Decimal

import pytest

from lipsync_nodes import ConfigurationError
from lipsync_nodes.settings import Profile, load_profile


def test_there_is_none_unless_it_is_set():
    assert (Profile().price, Profile().currency) == (None, "")


@pytest.mark.parametrize("text", ["0.01", '"0.01"'])
def test_it_is_in_the_profiles_file(tmp_path, text):
    path = tmp_path / "profiles.toml"
    path.write_text(f'[default]\nprice = {text}\ncurrency = "USD"\n')
    path.chmod(0o600)
    profile = load_profile(environ={"LIPSYNC_CONFIG": str(path)})
    assert (profile.price, profile.currency) == (Decimal("0.01"), "USD")
    other = load_profile(environ={"LIPSYNC_CONFIG": str(path), "LIPSYNC_PRICE": "0.02", "LIPSYNC_CURRENCY": "€"})
    assert (other.price, other.currency) == (Decimal("0.02"), "€")


@pytest.mark.parametrize("price", ["1,5", "-1", "nan", "inf", "10000001", "free", True])
def test_a_price_that_is_none_is_an_error(price):
    with pytest.raises(ConfigurationError, match="price"):
        Profile(price=price)


@pytest.mark.parametrize("currency", [" USD", "x" * 13, "US\nD"])
def test_a_currency_that_cannot_be_shown_is_an_error(currency):
    with pytest.raises(ConfigurationError, match="currency"):
        Profile(currency=currency)


def test_it_goes_to_other_processes():
    assert pickle.loads(pickle.dumps(Profile(price="0.10", currency="EUR"))).price == Decimal("0.10")
