"""Rules of the source that a reader can rely on, and that no linter knows."""

import ast

from tests.contracts.tree import modules, short

UNSAFE = {"eval", "exec", "torch.load", "pickle.load", "pickle.loads", "numpy.load", "np.load", "os.system"}
GLOBAL_SEEDS = {"torch.manual_seed", "torch.seed", "random.seed", "np.random.seed", "numpy.random.seed"}
GLOBAL_STATE = {"torch.set_default_dtype", "torch.set_default_device", "torch.set_grad_enabled"}
UNFINISHED = {"TODO", "FIXME", "XXX", "HACK"}


def trees():
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in modules()]


def calls(names) -> dict[str, str]:
    """Where the source calls one of the named functions."""
    return {
        f"{short(path)}:{node.lineno}": ast.unparse(node.func)
        for path, tree in trees()
        for node in walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in names
    }


def walk(tree):
    """Every node but those inside `with torch.random.fork_rng()`, where a seed is nobody else's."""
    for node in ast.iter_child_nodes(tree):
        inside = isinstance(node, ast.With) and ast.unparse(node.items[0].context_expr).startswith(
            "torch.random.fork_rng"
        )
        if not inside:
            yield node
            yield from walk(node)


def test_nothing_runs_or_unpickles_what_a_file_says():
    assert calls(UNSAFE) == {}


def test_nothing_sets_a_global_seed_or_changes_torch_for_others():
    """But for the program itself: its process is its own, and --threads is what the user asked for."""
    library = {place: name for place, name in calls(GLOBAL_STATE).items() if "/cli/" not in place}
    assert calls(GLOBAL_SEEDS) | library == {}


def test_protocols_can_be_checked_in_tests():
    missing = [
        f"{short(path)}:{node.lineno} {node.name}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).split("[")[0] == "Protocol" for base in node.bases)
        and "runtime_checkable" not in map(ast.unparse, node.decorator_list)
    ]
    assert missing == [], "decorate with typing.runtime_checkable, so that shape checks can see through them"


def test_shapes_are_not_hidden_from_the_checks():
    """Annotations that `from __future__ import annotations` turns to text are not checked."""
    texts = {short(path): path.read_text(encoding="utf-8") for path in modules()}
    assert [name for name, text in texts.items() if "jaxtyping" in text and "from __future__" in text] == []


def test_nothing_is_left_unfinished():
    words = {
        short(path): UNFINISHED & set(path.read_text(encoding="utf-8").replace(":", " ").split()) for path in modules()
    }
    assert {name: found for name, found in words.items() if found} == {}
