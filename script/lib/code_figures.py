"""Figures about the Rust code: code_figures.py [--check] [FOLDER]

Prints, for the checkout in FOLDER (this one): function lengths, lines over 100 columns, SQL in strings, tables without an
entity, `_within` twins, clones per 1,000 lines, docs of three words or fewer, files that import each other in a circle, and `mod.rs` files (a
module is `foo.rs` with its parts in `foo/`).
With --check it exits 1 if a figure is above its limit in LIMITS. Text analysis: it reads no types.
"""

import pathlib
import re
import sys
from collections import defaultdict

# What the code has not reached yet. Lower a limit with the commit that improves its figure; the aim is 0.
LIMITS = {
    "lines over 100 columns": 0,
    "SQL outside named constants": 0,
    "tables without an entity": 0,
    "functions named _within": 0,
    "docs of three words or fewer": 0,
    "circles between files": 0,
    "mod.rs files": 0,
}

FUNCTION = re.compile(r"^( *)(?:pub(?:\([^)]*\))? )?(?:const )?(?:async )?fn (\w+)")
SQL = re.compile(r'"\\?\s*(?:SELECT |INSERT INTO |UPDATE \w+ SET |DELETE FROM |CREATE TABLE )')
DOC = re.compile(r"^\s*///\s?(.*)$")


def is_test(path):
    parts = path.parts
    return "tests" in parts or "benches" in parts or path.name in ("tests.rs",) or "testkit" in parts


def without_test_modules(lines):
    """The lines before the first `#[cfg(test)] mod … {`, which this project keeps at the end of a file."""
    for number, line in enumerate(lines):
        if line.startswith("#[cfg(") and "test" in line and any(re.match(r"(pub )?mod \w+ \{", l) for l in lines[number : number + 3]):
            return lines[:number]
    return lines


def functions(path, lines):
    """(length, place) of every function, signature and closing brace included."""
    start = indent = name = None
    for number, line in enumerate(lines, 1):
        if start is None:
            if (found := FUNCTION.match(line)) and not line.rstrip().endswith(";"):
                start, indent, name = number, found.group(1), found.group(2)
                if line.rstrip().endswith("}") and line.count("{") == line.count("}"):
                    yield 1, f"{path}:{start} {name}"
                    start = None
        elif line.startswith(indent + "}") or (line.startswith(indent + ") ") and line.rstrip().endswith(";")):
            yield number - start + 1, f"{path}:{start} {name}"
            start = None
        elif re.match(rf"^{indent}\).*;$", line):
            start = None


def sql_strings(path, lines):
    """(place, named) of every SQL string; named: it is, or is part of, a constant."""
    constant = False
    for number, line in enumerate(lines, 1):
        if re.match(r"^\s*(pub(\([^)]*\))? )?const \w+: ", line):
            constant = True
        if SQL.search(line):
            yield f"{path}:{number}", constant
        if line.rstrip().endswith(";"):
            constant = False


def short_docs(path, lines):
    """Places of one-line docs of at most three words."""
    for number, line in enumerate(lines):
        found = DOC.match(line)
        if not found or not found.group(1) or len(found.group(1).split()) > 3:
            continue
        around = lines[number - 1 : number] + lines[number + 1 : number + 2]
        if not any(DOC.match(other) for other in around):
            yield f"{path}:{number + 1} {found.group(1)}"


def modules(source):
    """Module path of every file below a crate's `src`."""
    for file in source.rglob("*.rs"):
        parts = list(file.relative_to(source).with_suffix("").parts)
        if parts[-1] in ("lib", "main", "mod"):
            parts.pop()
        yield tuple(parts), file


def used_paths(text, here):
    """Module paths that `use` declarations name, as tuples from the crate's root."""
    for declaration in re.findall(r"^\s*(?:pub(?:\([^)]*\))? )?use ((?:crate|super|self)[^;]*);", text, re.M):
        for path in expand(re.sub(r"\s+", "", declaration)):
            parts, base = path.split("::"), list(here)
            if parts[0] == "crate":
                base = []
            while parts and parts[0] in ("crate", "self", "super"):
                if parts.pop(0) == "super" and base:
                    base.pop()
            yield tuple(base + parts)


def expand(path):
    """The single paths of `a::{b, c::{d, e}}`."""
    if "{" not in path:
        return [path]
    head, rest = path.split("{", 1)
    items, depth, item = [], 0, ""
    for letter in rest[:-1]:
        if letter == "," and depth == 0:
            items.append(item)
            item = ""
        else:
            depth += {"{": 1, "}": -1}.get(letter, 0)
            item += letter
    return [single for one in items + [item] if one for single in expand(head + one)]


def circles(crate):
    """Groups of files that import each other. A parent that re-exports its children is no circle."""
    known = {path: file for path, file in modules(crate / "src") if not is_test(file.relative_to(crate))}
    edges = defaultdict(set)
    for here, file in known.items():
        text = "\n".join(without_test_modules(file.read_text().split("\n")))
        for path in used_paths(text, here):
            while path and path not in known:
                path = path[:-1]
            if path != here and path in known and path[: len(here)] != here:
                edges[here].add(path)
    return [[str(known[path]) for path in group] for group in strongly_connected(known, edges) if len(group) > 1]


def strongly_connected(nodes, edges):
    """Tarjan's algorithm, without recursion on the answer: groups of nodes that reach each other."""
    index, low, stack, groups, counter = {}, {}, [], [], [0]

    def visit(node):
        index[node] = low[node] = counter[0]
        counter[0] += 1
        stack.append(node)
        for other in edges[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
            groups.append(group)

    for node in nodes:
        if node not in index:
            visit(node)
    return groups


def tables_without_entity(root):
    steps = [file.read_text() for file in (root / "migration" / "src").rglob("*.rs")]
    made = {name for text in steps for name in re.findall(r'table: "(\w+)"', text)}
    entities = [file.read_text() for file in (root / "crates" / "store" / "src").rglob("*.rs")]
    return made, made - {name for text in entities for name in re.findall(r'table_name = "(\w+)"', text)}


def main():
    arguments = [word for word in sys.argv[1:] if word != "--check"]
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parents[2])
    crates = sorted(path.parent for path in root.glob("crates/*/Cargo.toml")) + [root / "migration"]
    lengths, wide, sql, twins, docs = [], [], [], [], []
    clones = total = 0
    for crate in crates:
        for file in sorted(crate.rglob("*.rs")):
            path, lines = file.relative_to(root), file.read_text().split("\n")
            wide += [f"{path}:{number}" for number, line in enumerate(lines, 1) if len(line) > 100]
            docs += short_docs(path, lines)
            if is_test(path) or "migration" in path.parts:
                continue
            lines = without_test_modules(lines)
            total += len(lines)
            clones += sum(line.count(".clone()") for line in lines)
            lengths += functions(path, lines)
            sql += sql_strings(path, lines)
            twins += [f"{path}:{n} {line.strip()}" for n, line in enumerate(lines, 1) if re.search(r"\bfn \w+_within\b", line)]
    lengths.sort()
    made, missing = tables_without_entity(root)
    rings = [group for crate in crates for group in circles(crate)]
    loose = [place for place, named in sql if not named]
    print(f"functions: {len(lengths)}, median {lengths[len(lengths) // 2][0]} lines, p90 {lengths[len(lengths) * 9 // 10][0]}, longest:")
    for length, place in lengths[:-6:-1]:
        print(f"  {length} {place}")
    print(f"SQL in strings: {len(sql)}, of these in named constants {len(sql) - len(loose)}")
    for name in sorted({place.rsplit(':', 1)[0] for place, _ in sql}):
        print(f"  {sum(place.startswith(name + ':') for place, _ in sql)} {name}")
    print(f"clones per 1,000 lines: {1000 * clones / total:.1f} ({clones} in {total})")
    print(f"tables: {len(made)}")
    found = {
        "lines over 100 columns": wide,
        "SQL outside named constants": loose,
        "tables without an entity": sorted(missing),
        "functions named _within": twins,
        "docs of three words or fewer": docs,
        "circles between files": [" <-> ".join(group) for group in rings],
        "mod.rs files": [str(file.relative_to(root)) for crate in crates for file in sorted(crate.rglob("mod.rs"))],
    }
    for what, places in found.items():
        print(f"{what}: {len(places)} (limit {LIMITS[what]})")
        for place in places[: None if "--check" in sys.argv and len(places) > LIMITS[what] else 12]:
            print(f"  {place}")
    above = [what for what, places in found.items() if len(places) > LIMITS[what]]
    if "--check" in sys.argv and above:
        sys.exit(f"code_figures: above its limit: {', '.join(above)}")


if __name__ == "__main__":
    main()
