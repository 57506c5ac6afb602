"""Rules for the code as a whole: imports, names, sizes, documentation, and tests that mirror the source."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

import tagsmith

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "tagsmith"
TESTS = ROOT / "tests"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEST_MODULES = sorted(TESTS.rglob("*.py"))

# From the bottom up, as in ARCHITECTURE.md: a module or package imports only from rows above its own.
# "tagsmith" is the package's own __init__.
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
FLOOR_OF = {part: number for number, parts in enumerate(FLOORS) for part in parts}

# Only these import PyTorch or matplotlib at their top; everyone else imports them inside functions.
HEAVY = {"torch", "matplotlib"}
HEAVY_PARTS = {
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
# In ops, the file's name says that it needs PyTorch.
HEAVY_OPS = {"autograd.py", "dispatch.py", "on_torch.py", "on_triton.py", "philox.py"}

# File names that may repeat, each for one role.
ROLES = {
    "__init__.py": "a package",
    "__main__.py": "python -m",
    "reference.py": "an operation in plain NumPy, written to be read",
    "compiled.py": "an operation, or an engine, in compiled code",
    "on_torch.py": "an operation, or an engine, in PyTorch",
    "on_triton.py": "an operation, or an engine, in Triton",
    "autograd.py": "compiled kernels as PyTorch functions",
    "network.py": "the network in PyTorch: one (model), or several side by side (gpu)",
    "reading.py": "files of a package read into its types",
    "rows.py": "rows: of scores in compiled code, or of a report's tables",
    "scoring.py": "predictions scored: of one tagger, or of a run of the paper's tables",
}
# In these folders a file is named after its command or its job, which may be the name of the module it calls.
NAMED_AFTER_WHAT_THEY_RUN = {"cli", "bench", "bench/jobs"}

LONGEST_FILE, LONGEST_FUNCTION = 400, 60
LONG_FILES = {"src/tagsmith/ops/chain/compiled.py", "tests/test_config.py", "tests/test_store.py"}
# Kernels that Triton or LLVM must see as one function.
LONG_FUNCTIONS = {
    "ops/chain/on_triton.py:_sum_paths",
    "ops/recurrence/on_triton.py:_backward",
    "ops/simd/tiles.py:_tile",
    "ops/simd/tiles.py:tile",
    "ops/simd/tiles.py:generate",
}

# Modules without a test of their own name, and where they are tested.
TESTED_ELSEWHERE = {
    "bundled/__init__.py": "test_bundled.py",
    "demo/__main__.py": "demo/test_corpus.py",
    "engine/head_chain.py": "engine/test_answers.py",
    "ops/chain/edits.py": "test_rule_compiler.py",
    "ops/chain/rows.py": "ops/chain/test_compiled.py",
    "ops/chain/span_masses.py": "ops/chain/test_compiled.py",
    "ops/chain/types.py": "ops/chain/test_reference.py",
    "ops/char_cnn/autograd.py": "ops/char_cnn/test_parity.py",
    "ops/dropout/autograd.py": "ops/dropout/test_parity.py",
    "tagging.py": "test_tagger.py",
}

NOT_PLAIN = re.compile(r"\bsee to it\b|\banew\b|\bgo(es)? on\b", re.IGNORECASE)
NOT_FIRST = {"what", "how", "where", "whether", "which", "why"}


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def name_of(path: Path) -> str:
    """The module's path below the package, such as ``formats/conll.py``."""
    return path.relative_to(PACKAGE).as_posix()


def part_of(path: Path) -> str:
    """The top-level module or package that a file belongs to."""
    first = name_of(path).split("/")[0].removesuffix(".py")
    return "tagsmith" if first == "__init__" else first


def is_heavy(path: Path) -> bool:
    """Whether a module may import PyTorch or matplotlib at its top."""
    return bool({part_of(path), name_of(path)} & HEAVY_PARTS) or (part_of(path) == "ops" and path.name in HEAVY_OPS)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything a module imports: at its top, inside functions, or for types only."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def imported_parts(path: Path) -> Iterator[tuple[int, str]]:
    for line, name in imports(path):
        first, _, rest = name.partition(".")
        if first == "tagsmith":
            part = rest.split(".")[0]
            yield line, part if part in FLOOR_OF else "tagsmith"


def dotted(path: Path) -> str:
    """The dotted name of a module of the package."""
    return ".".join(("tagsmith", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


class TestImports:
    def test_every_module_has_a_floor(self):
        assert {part_of(path) for path in MODULES} == FLOOR_OF.keys()

    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_imports_only_point_down(self, path: Path):
        own = part_of(path)
        for line, part in imported_parts(path):
            assert part == own or FLOOR_OF[part] < FLOOR_OF[own], f"{name_of(path)}:{line} imports {part}"

    def test_no_modules_import_each_other_in_a_circle(self):
        names = {dotted(path) for path in MODULES}
        above = {
            dotted(path): {found for _, name in imports(path) for found in (name, name.rpartition(".")[0])} & names
            for path in MODULES
        }
        for name in above:  # a package imports its modules, which name it as the prefix of their siblings
            above[name] = {other for other in above[name] if not name.startswith(f"{other}.")} - {name}
        while free := {name for name, needed in above.items() if not needed & above.keys()}:
            above = {name: needed for name, needed in above.items() if name not in free}
        assert above == {}

    def test_the_walk_sees_imports_of_every_kind(self):
        seen = {name for path in (PACKAGE / "tagger.py", PACKAGE / "batching.py") for _, name in imports(path)}
        assert "tagsmith.store" in seen  # from tagsmith import store
        assert "tagsmith.tensors.Ids" in seen
        assert any(name.startswith("tagsmith.training.") for name in seen)  # inside a function, or for types only

    def test_the_floors_are_those_of_architecture_md(self):
        rows = re.findall(r"^\| (`.+?) \|", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE)
        listed = [name.split("/")[0] for row in rows for name in re.findall(r"`([^`]+)`", row)]
        assert sorted(listed) == sorted(FLOOR_OF.keys() - {"tagsmith", "__main__"})
        assert [FLOOR_OF[part] for part in listed] == sorted(FLOOR_OF[part] for part in listed)

    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_only_training_gpus_and_pictures_import_torch_or_matplotlib(self, path: Path):
        if {name.split(".")[0] for _, name in imports(path)} & HEAVY:
            assert is_heavy(path)

    @pytest.mark.parametrize("path", [path for path in MODULES if not is_heavy(path)], ids=name_of)
    def test_everyone_else_imports_the_heavy_modules_late(self, path: Path):
        heavy = {dotted(other) for other in MODULES if is_heavy(other)}
        for node in parse(path).body:
            if isinstance(node, ast.ImportFrom):
                assert not {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)} & heavy

    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_nothing_can_run_code_from_data(self, path: Path):
        barred = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
        assert not {name.split(".")[0] for _, name in imports(path)} & barred
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "torch.load", "np.load", "__import__"), f"line {node.lineno}"


class TestNames:
    def test_no_public_class_name_means_two_things(self):
        counts = Counter(
            node.name
            for path in MODULES
            for node in parse(path).body
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        )
        assert [name for name, count in counts.items() if count > 1] == []

    def test_a_file_name_repeats_only_for_the_same_role(self):
        free = [path for path in MODULES if name_of(path.parent) not in NAMED_AFTER_WHAT_THEY_RUN]
        counts = Counter(path.name for path in free)
        assert [name for name, count in counts.items() if count > 1 and name not in ROLES] == []

    @pytest.mark.parametrize("role", ROLES)
    def test_the_roles_are_in_use(self, role: str):
        assert sum(path.name == role for path in MODULES) > 1

    def test_no_file_shadows_the_standard_library_or_a_dependency(self):
        taken = sys.stdlib_module_names | packages_distributions().keys() - {"tagsmith"}
        shadowing = [name_of(path) for path in MODULES if path.stem in taken and path.name != "__main__.py"]
        assert shadowing == ["ops/chain/types.py"]  # a name that the field expects, below two packages


class TestSizes:
    @pytest.mark.parametrize("path", [*MODULES, *TEST_MODULES], ids=lambda path: path.relative_to(ROOT).as_posix())
    def test_no_file_is_too_long(self, path: Path):
        is_long = len(path.read_text("utf-8").splitlines()) > LONGEST_FILE
        assert is_long == (path.relative_to(ROOT).as_posix() in LONG_FILES)

    def test_no_function_is_too_long_but_those_listed(self):
        long = {
            f"{path.relative_to(PACKAGE if PACKAGE in path.parents else ROOT).as_posix()}:{node.name}"
            for path in (*MODULES, *TEST_MODULES)
            for node in ast.walk(parse(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
        }
        assert long == LONG_FUNCTIONS
        assert len(LONG_FUNCTIONS) <= 6


class TestDocumentation:
    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_public_classes_functions_and_methods_have_docstrings(self, path: Path):
        assert [f"{name_of(path)}:{node.lineno} {node.name}" for node in undocumented(parse(path))] == []

    def test_modules_with_code_have_docstrings(self):
        assert [name_of(path) for path in MODULES if parse(path).body and not ast.get_docstring(parse(path))] == []

    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_docstrings_begin_with_what_is_returned_or_done(self, path: Path):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = (ast.get_docstring(node) or "-").split()[0].lower().strip(",:;")
                assert first not in NOT_FIRST, f"{name_of(path)}: {getattr(node, 'name', 'the module')}"

    @pytest.mark.parametrize(
        "path",
        [*PACKAGE.rglob("*.py"), *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")],
        ids=lambda path: path.relative_to(ROOT).as_posix(),
    )
    def test_the_prose_is_idiomatic(self, path: Path):
        found = [match.group() for match in NOT_PLAIN.finditer(path.read_text("utf-8"))]
        assert found == []

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
        assert tagsmith.__version__ == version("tagsmith")

    def test_the_package_says_that_it_has_types(self):
        assert (PACKAGE / "py.typed").is_file()

    def test_no_path_of_anyones_machine_is_in_the_source(self):
        for path in (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            if path.suffix != ".safetensors":  # its words are those of other people's text
                assert not re.search(rb"/(home|root|tmp|Users)/", path.read_bytes()), path


class TestMirror:
    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_every_module_has_a_test_of_its_name(self, path: Path):
        if not has_code(path) or name_of(path) in TESTED_ELSEWHERE:
            return
        stem = "init" if path.name == "__init__.py" else path.stem
        assert (TESTS / path.relative_to(PACKAGE).with_name(f"test_{stem}.py")).is_file()

    def test_the_exceptions_are_modules_and_their_tests_exist(self):
        for module, test in TESTED_ELSEWHERE.items():
            assert (PACKAGE / module).is_file()
            assert (TESTS / test).is_file()

    def test_every_folder_of_tests_is_a_package_of_the_source(self):
        folders = {path.parent.relative_to(TESTS) for path in TEST_MODULES} - {Path(), Path("support")}
        assert all((PACKAGE / folder).is_dir() for folder in folders)


def has_code(path: Path) -> bool:
    """Whether a module holds more than a docstring, imports and ``__all__``."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.If)
        and not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("__all__", "__version__"))
        for node in parse(path).body
    )


def undocumented(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """Public definitions without a docstring; a subclass of PyTorch's needs none for forward and backward."""
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
