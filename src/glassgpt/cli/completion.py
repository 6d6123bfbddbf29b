"""`glassgpt completion`: a script that teaches a shell the verbs and flags; made from the verbs' own options."""

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from glassgpt.cli.flags import Flag, flags
from glassgpt.cli.options import Talk
from glassgpt.cli.terminal import Terminal
from glassgpt.cli.verbs import VERBS


@dataclass(frozen=True, kw_only=True)
class Completion(Talk):
    """Print a script that completes verbs, flags, their values and file names in your shell.

    bash:        eval "$(glassgpt completion bash)"                 in ~/.bashrc
    zsh:         eval "$(glassgpt completion zsh)"                  in ~/.zshrc, after compinit
    fish:        glassgpt completion fish | source                  in ~/.config/fish/config.fish
    PowerShell:  glassgpt completion powershell | Out-String | Invoke-Expression      in $PROFILE
    """

    EXAMPLES: ClassVar = ("glassgpt completion bash", "glassgpt completion fish", "glassgpt completion zsh --json")

    shell: Annotated[Positional[Literal["bash", "zsh", "fish", "powershell"]], arg(metavar="SHELL")]
    """bash, zsh, fish or powershell."""


def main(options: Completion) -> None:
    """Print the script."""
    script = {"bash": bash, "zsh": zsh, "fish": fish, "powershell": powershell}[options.shell]()
    out = Terminal(options)
    if options.json:
        out.json("completion", {"shell": options.shell, "script": script})
    else:
        out.result(script, end="")


def _offered() -> dict[str, list[Flag]]:
    """The flags of every verb."""
    return {name: [flag for flag in flags(verb.load()[1]) if flag.names] for name, verb in VERBS.items()}


def _names(found: list[Flag]) -> str:
    return " ".join([*(name for flag in found for name in flag.names), "--help"])


def _first_words() -> list[str]:
    return list(dict.fromkeys([*(name.split()[0] for name in VERBS), *(a for v in VERBS.values() for a in v.aliases)]))


def _patterns(name: str) -> str:
    """The words after `glassgpt` that choose a verb, as a shell pattern."""
    spellings = [name, *VERBS[name].aliases]
    return "|".join(f'"{spelling}"*' if " " in spelling else f'"{spelling} "*' for spelling in spellings)


def bash() -> str:
    """For bash 4 and later."""
    offered = _offered()
    cases = "\n".join(f"    {_patterns(name)}) flags='{_names(found)}' ;;" for name, found in offered.items())
    chosen = {flag.names[0]: " ".join(flag.choices) for found in offered.values() for flag in found if flag.choices}
    values = "\n".join(f"    {name}) words='{words}' ;;" for name, words in chosen.items())
    second = "\n".join(f"    {first}) words='{rest}' ;;" for first, _, rest in _two_words())
    return f"""\
_glassgpt() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} flags= words=
  case $COMP_CWORD in
    1) COMPREPLY=($(compgen -W '{" ".join(_first_words())} --help --version' -- "$word")); return ;;
    2) case $before in
{second}
    esac ;;
  esac
  case "${{COMP_WORDS[1]}} ${{COMP_WORDS[2]}}" in
{cases}
  esac
  case $before in
{values}
  esac
  if [[ $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$word"))
  elif [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$word"))
  else COMPREPLY=($(compgen -f -- "$word")); fi
}}
complete -o filenames -F _glassgpt glassgpt
"""


def zsh() -> str:
    """For zsh, by way of its own reading of bash's rules."""
    return f"autoload -Uz bashcompinit && bashcompinit\n{bash()}"


def fish() -> str:
    """For fish, with descriptions."""
    lines = ["complete -c glassgpt -f"]
    for name, verb in VERBS.items():
        first, *rest = name.split()
        start = "test (count (commandline -opc)) -eq 1"
        lines.append(f"complete -c glassgpt -n '{start}' -a {first} -d {_quoted(verb.summary)}")
        if rest:
            lines.append(
                f"complete -c glassgpt -n '__fish_seen_subcommand_from {first}' -a {rest[0]} -d {_quoted(verb.summary)}"
            )
    for name, found in _offered().items():
        seen = " ".join([name.split()[0], *VERBS[name].aliases])
        lines += [f"complete -c glassgpt -n '__fish_seen_subcommand_from {seen}' {_fish(flag)}" for flag in found]
    return "\n".join(lines) + "\n"


def _fish(flag: Flag) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
    values = f" -x -a '{' '.join(flag.choices)}'" if flag.choices else "" if flag.is_switch else " -r -F"
    return f"{names}{values} -d {_quoted(flag.help)}"


def powershell() -> str:
    """For PowerShell 5 and later."""
    table = "\n".join(f"  {_quoted(name)} = {_quoted(_names(found))}" for name, found in _offered().items())
    return f"""\
$glassgptFlags = @{{
{table}
}}
Register-ArgumentCompleter -Native -CommandName glassgpt -ScriptBlock {{
  param($word, $ast, $position)
  $said = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object {{ "$_" }})
  $verb = $glassgptFlags.Keys | Where-Object {{ ("$($said -join ' ') ").StartsWith("$_ ") }} | Select-Object -First 1
  if ($verb) {{ $offered = $glassgptFlags[$verb] -split ' ' }}
  else {{ $offered = $glassgptFlags.Keys | ForEach-Object {{ ($_ -split ' ')[[Math]::Max(0, $said.Count - 1)] }} }}
  $offered | Where-Object {{ $_ -like "$word*" }} | Sort-Object -Unique
}}
"""


def _two_words() -> list[tuple[str, str, str]]:
    return [name.partition(" ") for name in VERBS if " " in name]


def _quoted(text: str) -> str:
    """One line in single quotes, safe in fish and PowerShell."""
    return "'" + re.sub(r"\s+", " ", text).replace("'", "’") + "'"
