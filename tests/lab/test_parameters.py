from pathlib import Path

import pytest

from propspider.lab.parameters import BadParameters, Parameters, of, read


def test_the_file_that_comes_with_it_states_every_default() -> None:
    import tomllib
    from importlib.resources import files

    stated = tomllib.loads((files("propspider.lab") / "world.toml").read_text("utf-8"))
    assert read() == Parameters()
    assert {section: set(values) for section, values in stated.items()} == {
        section: set(values) for section, values in Parameters().model_dump().items()
    }


def test_a_file_may_state_only_what_differs(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[changes]\nprices = 0.05\nbands = [1, 2, 3]\n")
    found = read(own)
    assert (found.changes.prices, found.changes.bands, found.changes.edits) == (0.05, (1, 2, 3), 0.02)
    assert found.listings == Parameters().listings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[changes]\nprice = 0.1", "changes.price: there is no such key"),
        ("[change]\nprices = 0.1", "change: there is no such key"),
        ("[changes]\nprices = -0.1", "changes.prices: input should be greater than or equal to 0"),
        ("[changes]\nedits_with_price = 1.5", "changes.edits_with_price: input should be less than or equal to 1"),
        ("[listings]\narrivals = nan", "listings.arrivals: "),
        ("[listings]\narrivals = 'many'", "listings.arrivals: input should be a valid number"),
        ("[life]\nbands = [1, 2]", "life.bands.2: field required"),
        ("[relist]\ngap_days = [30, 2]", "relist: gap_days begins after its end"),
        ("[removal]\nnot_found = 0\nsold = 0\nwithdrawn = 0\nredirect = 0", "removal: not_found, sold, withdrawn and redirect"),
        ("[pages]\nfeatured = 2.5", "pages.featured: "),
        ("listings = 3", "listings: input should be a valid dictionary"),
        ("[changes\n", "Expected"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_key(tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(BadParameters) as caught:
        read(own)
    assert str(caught.value).startswith(f"{own}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_and_several_faults_are_one_line_too(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"none\.toml"):
        read(tmp_path / "none.toml")
    with pytest.raises(BadParameters, match=r"^parameters: changes\.edits: .* \(and 1 more\)$"):
        of({"changes": {"edits": -1, "bumps": -1}})
