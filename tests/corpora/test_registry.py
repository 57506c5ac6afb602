from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.corpora import CorpusEntry, VectorsEntry, read_registry
from tagsmith.corpora.registry import is_downloadable, select_files
from tagsmith.errors import ConfigError, DataError
from tagsmith.schemes import PLAIN, SCHEMES
from tests.support.tiny_corpus import write_registry

OWN = read_registry().entries


class TestOwn:
    def test_it_knows_the_standard_corpora_and_vectors(self):
        assert {
            *("conll2003", "conll2003_iob1", "conllpp", "conll2000", "ud_ewt", "nltk_treebank", "uner_ewt"),
            *("uner_zh_gsd", "wikigold", "btc", "wnut17", "ncbi_disease"),
        } == {name for name, entry in OWN.items() if isinstance(entry, CorpusEntry)}
        assert {"glove.6B", "senna", "word2vec.GoogleNews", "fasttext.wiki-news", "fasttext.crawl"} == {
            name for name, entry in OWN.items() if isinstance(entry, VectorsEntry)
        }

    def test_the_counts_of_the_paper(self):
        files = read_registry().corpus("conll2003").files
        counts = {split: (file.sentences, file.tokens, file.spans) for split, file in files.items()}
        assert counts == {
            "train": (14_041, 203_621, 23_499),
            "dev": (3_250, 51_362, 5_942),
            "test": (3_453, 46_435, 5_648),
        }

    def test_the_same_corpus_in_another_scheme_has_the_same_counts(self):
        one, other = read_registry().corpus("conll2003"), read_registry().corpus("conll2003_iob1")
        for split in ("train", "dev", "test"):
            a, b = one.files[split], other.files[split]
            assert (a.sentences, a.tokens, a.spans) == (b.sentences, b.tokens, b.spans)
            assert a.sha256 != b.sha256

    @pytest.mark.parametrize("name", OWN)
    def test_what_is_downloaded_has_a_checksum_a_size_and_an_https_address(self, name: str):
        entry = OWN[name]
        assert entry.archive is None or entry.archive.url.startswith("https://")
        for file in entry.files.values():
            if file.url:
                assert file.url.startswith("https://")
                assert file.sha256
                assert file.bytes

    @pytest.mark.parametrize("name", OWN)
    def test_models_made_under_research_licences_are_not_shippable(self, name: str):
        entry = OWN[name]
        closed = ("research only", "non-commercial", "not stated")
        assert entry.shippable != entry.licence.startswith(closed)

    @pytest.mark.parametrize("name", OWN)
    def test_restricted_text_is_never_downloaded(self, name: str):
        if "Reuters" in OWN[name].licence or "non-commercial" in OWN[name].licence:
            assert not is_downloadable(OWN[name])

    @pytest.mark.parametrize("name", OWN)
    def test_a_corpus_has_a_scheme_and_counts_spans_where_it_has_them(self, name: str):
        entry = OWN[name]
        if isinstance(entry, CorpusEntry):
            assert entry.scheme in (*SCHEMES, PLAIN)
            assert all((file.spans is None) == (entry.scheme == PLAIN) for file in entry.files.values())

    def test_no_two_files_have_the_same_checksum(self):
        sums = [file.sha256 for entry in OWN.values() for file in entry.files.values() if file.sha256]
        assert len(set(sums)) == len(sums)


class TestOthers:
    def test_a_file_adds_its_entries(self, tmp_path: Path):
        registry = read_registry(write_registry(tmp_path / "r.toml"))
        assert registry.corpus("tiny").files["train"].sentences == 25
        assert "conll2003" in registry.entries

    def test_a_file_replaces_an_entry_of_the_same_name(self, tmp_path: Path):
        path = write_registry(tmp_path / "r.toml")
        path.write_text(path.read_text("utf-8").replace("corpora.tiny", "corpora.wnut17"), "utf-8")
        assert read_registry(path).corpus("wnut17").title == "Tiny"

    def test_a_missing_file(self, tmp_path: Path):
        with pytest.raises(DataError, match=r"r\.toml: found no such file; expected a TOML file of data sets"):
            read_registry(tmp_path / "r.toml")

    def test_a_file_that_is_not_toml(self, tmp_path: Path):
        (tmp_path / "r.toml").write_text("[corpora", "utf-8")
        with pytest.raises(DataError, match="expected TOML"):
            read_registry(tmp_path / "r.toml")

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ('name = "../train.txt"', "corpora.*files"),
            ('name = "/etc/passwd"', "corpora.*files"),
            ('name = ".hidden"', "corpora.*files"),
            ('url = "ftp://tiny.example/train.txt"', "url"),
            ('sha256 = "12"', "sha256"),
            ('colour = "red"', "colour"),
        ],
    )
    def test_the_error_names_the_wrong_line(self, wrong: str, named: str, tmp_path: Path):
        path = write_registry(tmp_path / "r.toml")
        key = wrong.split()[0]
        lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith(f"{key} = ")]
        at = lines.index("[corpora.tiny.files.train]") + 1
        path.write_text("\n".join([*lines[:at], wrong, *lines[at:]]), "utf-8")
        with pytest.raises(DataError, match=named):
            read_registry(path)

    def test_an_unknown_name(self):
        with pytest.raises(ConfigError, match=r"found the data set 'conll2004'; expected one of: conll2003, "):
            read_registry()["conll2004"]

    def test_word_vectors_are_not_a_corpus(self):
        with pytest.raises(ConfigError, match="found 'senna', which is word vectors; expected a corpus"):
            read_registry().corpus("senna")


class TestSelectFiles:
    def test_all_files_by_default_or_those_named(self):
        wnut = OWN["wnut17"]
        assert select_files(wnut) == ["train", "dev", "test"]
        assert select_files(wnut, ["test", "dev"]) == ["test", "dev"]

    def test_an_unknown_split(self):
        with pytest.raises(ConfigError, match="found the split or file 'all'; expected one of: train, dev, test"):
            select_files(OWN["wnut17"], ["all"])

    def test_downloads_need_an_address_or_an_archive(self):
        assert is_downloadable(OWN["glove.6B"])
        assert is_downloadable(OWN["wnut17"], ["dev"])
        assert not is_downloadable(OWN["senna"])
