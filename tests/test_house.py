"""The house's own rules: what may import what, what is public, what is documented, and what is in the package."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import click
import pytest

import tagsmith
from tagsmith.cli import app
from tagsmith.formats import conll
from tagsmith.schemes import SCHEMES, is_legal, read_spans

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "tagsmith"
DEMO = Path(str(files("tagsmith") / "demo"))
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the ground up, as in ARCHITECTURE.md. A room is a module or a package; "tagsmith" is the package's own __init__.
FLOORS = [
    ["errors"],
    ["text", "files", "extras", "machine"],
    ["config"],
    ["schemes"],
    ["tensors"],
    ["vocab"],
    ["segment", "metrics"],
    ["formats"],
    ["rules"],
    ["embeddings"],
    ["corpora"],
    ["batching"],
    ["ops"],
    ["bundled"],
    ["store"],
    ["model"],
    ["gpu"],
    ["engine"],
    ["rule_compiler"],
    ["tagging"],
    ["quality"],
    ["training"],
    ["tagger"],
    ["tagsmith"],
    ["bench"],
    ["reproduce"],
    ["serve"],
    ["cli"],
    ["demo", "__main__"],
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Whoever imports these imports PyTorch or draws: only training, the engine for GPUs and benchmarks of them may.
HEAVY = {"torch", "matplotlib"}
HEAVY_ROOMS = {
    "model",
    "gpu",
    "training",
    "engine/on_torch.py",
    "engine/on_triton.py",
    "bench/jobs/crf.py",
    "bench/jobs/training.py",
    "bench/chart.py",
    "quality/pictures.py",
}


# Below ops, the file's name says that it needs PyTorch.
HEAVY_OPS = {"autograd.py", "dispatch.py", "on_torch.py", "on_triton.py", "philox.py"}


def is_heavy(path: Path) -> bool:
    """Whether a module may import PyTorch or draw."""
    return bool({room_of(path), name_of(path)} & HEAVY_ROOMS) or (room_of(path) == "ops" and path.name in HEAVY_OPS)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def name_of(path: Path) -> str:
    """The module's path below the package, such as ``formats/conll.py``."""
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    first = name_of(path).split("/")[0].removesuffix(".py")
    return "tagsmith" if first == "__init__" else first


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything a module imports, at its top, inside functions or for types only."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    for line, name in imports(path):
        first, _, rest = name.partition(".")
        if first == "tagsmith":
            room = rest.split(".")[0]
            yield line, room if room in FLOOR_OF else "tagsmith"


class TestImports:
    def test_every_module_has_a_floor(self):
        assert {room_of(path) for path in MODULES} == FLOOR_OF.keys()

    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_imports_only_point_down(self, path: Path):
        own = room_of(path)
        for line, room in imported_rooms(path):
            assert room == own or FLOOR_OF[room] < FLOOR_OF[own], f"{name_of(path)}:{line} imports {room}"

    def test_the_walk_sees_imports_of_every_kind(self):
        seen = {name for _, name in imports(PACKAGE / "tagger.py")}
        assert "tagsmith.store" in seen  # from tagsmith import store
        assert "tagsmith.schemes.SCHEMES" in seen
        assert "tagsmith.training.loop" in seen  # inside a function
        assert "tagsmith.training.checkpoint.Epoch" in seen  # for types only
        assert (PACKAGE / "batching.py", "config") in {(p, r) for p in MODULES for _, r in imported_rooms(p)}

    def test_the_floors_are_those_of_architecture_md(self):
        rows = re.findall(r"^\| (`.+?) \|", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE)
        rooms = [[name.split("/")[0] for name in re.findall(r"`([^`]+)`", row)] for row in rows]
        listed = [room for row in rooms for room in row]
        assert sorted(listed) == sorted(FLOOR_OF.keys() - {"tagsmith", "__main__"})
        assert [FLOOR_OF[room] for room in listed] == sorted(FLOOR_OF[room] for room in listed)

    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_only_training_the_gpu_engine_and_their_benchmarks_import_torch_or_matplotlib(self, path: Path):
        heavy = {name.split(".")[0] for _, name in imports(path)} & HEAVY
        if heavy:
            assert is_heavy(path)

    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_heavy_rooms_are_imported_late_by_all_others(self, path: Path):
        if is_heavy(path):
            return
        for node in parse(path).body:
            if isinstance(node, ast.ImportFrom):
                pictures = ("tagsmith.bench.chart", "tagsmith.quality.pictures")
                engines = ("tagsmith.engine.on_torch", "tagsmith.engine.on_triton")
                heavy = ("tagsmith.model", "tagsmith.gpu", "tagsmith.training", *engines, *pictures)
                assert node.module not in heavy
                assert not (node.module or "").startswith(("tagsmith.model.", "tagsmith.gpu.", "tagsmith.training."))

    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_nothing_can_run_code_from_data(self, path: Path):
        barred = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
        assert not {name.split(".")[0] for _, name in imports(path)} & barred
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "torch.load", "np.load", "__import__"), f"line {node.lineno}"


class TestCode:
    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_no_module_is_longer_than_400_lines(self, path: Path):
        assert len(path.read_text("utf-8").splitlines()) <= 400

    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_public_classes_functions_and_methods_have_docstrings(self, path: Path):
        missing = [f"{name_of(path)}:{node.lineno} {node.name}" for node in public(parse(path))]
        assert missing == []

    def test_modules_with_code_say_what_they_are_for(self):
        assert [name_of(path) for path in MODULES if parse(path).body and not ast.get_docstring(parse(path))] == []

    def test_all_is_complete_and_sorted(self):
        defined = {
            alias.asname or alias.name
            for node in parse(PACKAGE / "__init__.py").body
            if isinstance(node, ast.ImportFrom) and node.module != "__future__"
            for alias in node.names
        }
        assert tagsmith.__all__ == sorted(defined | {"__version__"})
        assert all(hasattr(tagsmith, name) for name in tagsmith.__all__)

    def test_the_version_is_that_of_the_installed_package(self):
        from importlib.metadata import version

        assert tagsmith.__version__ == version("tagsmith")

    def test_the_package_says_that_it_has_types(self):
        assert (PACKAGE / "py.typed").is_file()

    def test_no_path_of_anyones_machine_is_in_the_source(self):
        for path in (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            if path.suffix != ".safetensors":  # whose words are those of other people's text
                assert not re.search(rb"/(home|root|tmp|Users)/", path.read_bytes()), path


def public(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """Public definitions without a docstring; of classes that extend others, only their own, not overridden ones."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield node
            if isinstance(node, ast.ClassDef):
                extends_torch = any(ast.unparse(base) in ("Function", "nn.Module") for base in node.bases)
                for inner in node.body:
                    overridden = extends_torch and getattr(inner, "name", "") in ("forward", "backward")
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_") and not overridden:
                        yield from [] if ast.get_docstring(inner) or is_overload(inner) else [inner]


def is_overload(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in function.decorator_list)


class TestReadme:
    def test_its_python_runs(
        self,
        tiny_model_path: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ):
        blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
        if not blocks:
            pytest.skip("README has no Python")
        shutil.copy(tiny_model_path, tmp_path / "ner.safetensors")
        monkeypatch.chdir(tmp_path)
        for block in blocks:
            exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
        assert capsys.readouterr().out

    def test_its_links_lead_somewhere(self):
        pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
        for page in pages:
            for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text("utf-8")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"

    def test_the_commands_it_shows_exist(self):
        shown = re.findall(r"^ +tagsmith ([\w-]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
        assert set(shown) == set(app.list_commands(click.Context(app)))


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[tagsmith.Sentence]]:
    return {part: list(conll.read(DEMO / f"{part}.conll")) for part in ("train", "dev", "test")}


class TestCorpus:
    def test_no_sentence_is_in_two_files_or_twice_in_one(self, corpus: dict[str, list[tagsmith.Sentence]]):
        tokens = [sentence.tokens for sentences in corpus.values() for sentence in sentences]
        assert len(set(tokens)) == len(tokens) == 488 + 96 + 96

    def test_its_tags_are_legal_iob2(self, corpus: dict[str, list[tagsmith.Sentence]]):
        for sentences in corpus.values():
            assert all(is_legal(SCHEMES["IOB2"], sentence.tags or ()) for sentence in sentences)

    @pytest.mark.parametrize("part", ["train", "dev", "test"])
    def test_every_file_has_the_four_labels_of_conll_2003_and_no_other(
        self, part: str, corpus: dict[str, list[tagsmith.Sentence]]
    ):
        labels = {span.label for sentence in corpus[part] for span in read_spans(sentence.tags or ())}
        assert labels == {"PER", "LOC", "ORG", "MISC"}

    def test_the_name_tagged_in_the_examples_is_not_in_the_training_data(
        self, corpus: dict[str, list[tagsmith.Sentence]]
    ):
        words = {token.lower() for sentence in corpus["train"] for token in sentence.tokens}
        assert "jay" not in words
        assert "india" in words

    def test_its_words_are_in_composed_form_without_odd_characters(self, corpus: dict[str, list[tagsmith.Sentence]]):
        import unicodedata

        for sentence in (sentence for sentences in corpus.values() for sentence in sentences):
            for token in sentence.tokens:
                assert token.isprintable()
                assert unicodedata.is_normalized("NFC", token)
