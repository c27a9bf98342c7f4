"""The sections of a report as HTML, from plain values."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hrm.viz.report.charts import Curve, bar_chart, line_chart, plain
from hrm.viz.report.drawings import has_pixels, part_of_page, themed

FRAMES = 6
"""Pictures that the film at the top shows at the most."""
_HINT = '<p class="hint" aria-hidden="true">scroll sideways to see all of it →</p>'
"""Shown where the window is too narrow."""


def opening(found: Mapping[str, Any]) -> str:
    """Return the title, the outcome in a sentence, and three numbers."""
    last, stops = found["results"]["per_segment"][-1], found["halting"]
    sentence = (
        f"After {_segments(last['segment'])} the model has solved {_percent(last['exact'])} of "
        f"{escape(found['puzzles'])} of the family {escape(found['task'])}. If it stops as soon as it is sure, it "
        f"takes {stops['segments_mean']:.1f} segments on average and solves {_percent(stops['exact'])}."
    )
    numbers = [
        (_percent(last["exact"]), f"whole answers right, 95 % interval {_interval(last['exact_ci95'])}"),
        (f"{stops['segments_mean']:.1f}", f"segments with early exit, of {stops['budget']} allowed"),
        (f"{found['card']['parameters']:,}", "trained parameters"),
    ]
    stats = "".join(f"<div><dt>{words}</dt><dd>{number}</dd></div>" for number, words in numbers)
    return (
        f'<p class="kicker">Report on a model</p><h1>{escape(found["title"])}</h1>'
        f'<p class="lede">{sentence}</p><dl class="stats">{stats}</dl>'
    )


def film(shown: Mapping[str, Any], pictures: Sequence[str]) -> str:
    """Return one puzzle in a row of pictures: the solved one that took longest, else the first failed one."""
    entries = shown["solved"][-1:] or shown["failed"][:1]
    if not entries:
        return ""
    moments, until = entries[0]["moments"], entries[0]["right_from"] or len(entries[0]["moments"]) - 1
    last = max(1, until)
    numbers = sorted({round(last * place / (min(FRAMES, last + 1) - 1)) for place in range(min(FRAMES, last + 1))})
    frames = "".join(
        f'<li><div class="picture">{pictures[moments[number]["picture"]]}</div>'
        f"<p>{escape(moments[number]['name'])}{_sure(moments[number]['q_halt'])}</p></li>"
        for number in numbers
    )
    end = f"solved after {_segments(until)}" if entries[0]["right_from"] else f"not solved after {_segments(last)}"
    return (
        f'<figure class="film"><ol style="--frames:{len(numbers)}">{frames}</ol>'
        f"<figcaption>Puzzle {entries[0]['row']} of the data, {end}. {_legend(shown)}</figcaption></figure>"
    )


def results(found: Mapping[str, Any]) -> str:
    """Return the curve and the table of what is right after every segment."""
    rows, count = found["results"]["per_segment"], found["results"]["examples"]
    last, budget = rows[-1], found["results"]["trained_budget"]
    extra = [name for name in last if name not in ("segment", "exact", "exact_ci95", "cell")]
    names = {"exact": "whole answers", "cell": "cells", "valid": "valid by the rules"}
    curves = [
        Curve(
            names["exact"], [(row["segment"], row["exact"]) for row in rows], "main",
            [tuple(row["exact_ci95"]) for row in rows],
        ),
        Curve(names["cell"], [(row["segment"], row["cell"]) for row in rows], "second"),
    ]  # fmt: skip
    differs = "valid" in extra and any(row["valid"] != row["exact"] for row in rows)
    if differs:
        curves.append(Curve(names["valid"], [(row["segment"], row["valid"]) for row in rows], "third"))
    said = f"Share right after each segment, rising from {_percent(rows[0]['exact'])} to {_percent(last['exact'])}"
    if len(rows) == 1 or rows[0]["exact"] > last["exact"]:
        said = f"Share right after each segment, {_percent(last['exact'])} after the last"
    columns = ["exact", "cell", *extra]
    head = "".join(f'<th scope="col">{escape(names.get(name) or name)}</th>' for name in columns)
    head = head.replace("</th>", '</th><th scope="col">95 % interval</th>', 1)
    body = "".join(
        f'<tr><th scope="row">{row["segment"]}</th><td class="strong">{_percent(row["exact"])}</td>'
        f"<td>{_interval(row['exact_ci95'])}</td>"
        + "".join(f"<td>{_percent(row[name])}</td>" for name in columns[1:])
        + "</tr>"
        for row in rows
    )
    beyond = f" It was trained with at most {_segments(budget)}." if budget != len(rows) else ""
    return (
        f"<p>Every puzzle runs through {'all ' if len(rows) > 1 else ''}{_segments(len(rows))}.{beyond} A whole answer "
        f"is right where every cell equals the stored answer; one answer a puzzle, no search. The band is the "
        f"95 % interval (Wilson) for {count:,} puzzles.</p>"
        f'<div class="pair"><figure>{line_chart(curves, "segment", said, 0, 1)}{_key(curves)}</figure>'
        f"<div>{_HINT}"
        f'<div class="table" tabindex="0" role="region" aria-label="Shares after each segment"><table>'
        f'<caption class="unseen">Share right after each segment</caption>'
        f'<thead><tr><th scope="col">segment</th>{head}</tr></thead><tbody>{body}</tbody></table></div></div></div>'
    )


def halting(found: Mapping[str, Any]) -> str:
    """Return where puzzles stop by the Q-head's choice, and what that costs."""
    stops, last = found["halting"], found["results"]["per_segment"][-1]
    saved = 1 - stops["segments_mean"] / stops["budget"]
    chart = bar_chart(
        stops["right"], stops["wrong"], "segments used with early exit",
        f"Puzzles by segments used, {stops['segments_mean']:.1f} on average",
    )  # fmt: skip
    parts = (("main", "right", stops["right"]), ("wrong", "wrong", stops["wrong"]))
    items = "".join(f'<li class="{style}">{word} when it stops</li>' for style, word, counts in parts if any(counts))
    key = f'<ul class="key">{items}</ul>'
    return (
        f"<p>After every segment the model estimates whether its answer is right (q_halt). A puzzle may stop as soon "
        f"as this estimate says so (<code>{escape(found['protocol']['early_exit_rule'])}</code>), at the latest after "
        f"{_segments(stops['budget'])}.</p>"
        f'<div class="pair"><figure>{chart}{key}</figure><dl class="facts">'
        + _facts(
            {
                "Right with early exit": (
                    f"{_percent(stops['exact'])} ({_interval(stops['exact_ci95'])})",
                    "Share of puzzles that are right when they stop by themselves, with its 95 % interval.",
                ),
                "Right with the whole budget": (
                    f"{_percent(last['exact'])} ({_interval(last['exact_ci95'])})",
                    "The same puzzles, each run to the last segment.",
                ),
                "Segments used on average": (
                    f"{stops['segments_mean']:.2f} of {stops['budget']}",
                    "What a puzzle costs with early exit.",
                ),
                "Segments saved": (_percent(saved), "Share of the whole budget that early exit does not use."),
                "Stopped by its own choice": (
                    _percent(stops["halted_by_choice"]),
                    "The others ran until the budget ended.",
                ),
            }
        )  # fmt: skip
        + "</dl></div>"
    )


def gallery(found: Mapping[str, Any], pictures: Sequence[str]) -> str:
    """Return the puzzles to look at; without a script each shows its last picture."""
    shown = found["gallery"]
    parts = [
        "<p>Move a slider, or focus it and use the arrow keys, to see a puzzle after each segment. Point at a cell, or "
        f"touch it, to read what is in it and how sure the model is. {_legend(shown)}</p>"
    ]
    for kind in ("solved", "failed"):
        entries, total = shown[kind], shown[f"{kind}_in_all"]
        if not total:
            continue
        parts.append(f"<h3>{total:,} {kind}, {len(entries)} shown</h3>")
        how = (
            f"Each {shown['by']} after the last segment; from the one that is right soonest to the one right last."
            if kind == "solved"
            else "The first ones of the data."
        )
        cards = "".join(_puzzle(entry, kind, pictures) for entry in entries)
        parts.append(f'<p>{how}</p><div class="puzzles">{cards}</div>')
    return "".join(parts)


def _puzzle(entry: Mapping[str, Any], kind: str, pictures: Sequence[str]) -> str:
    moments, row = entry["moments"], entry["row"]
    last, most = moments[-1], len(moments) - 1
    story = f"right from segment {entry['right_from']}" if kind == "solved" else f"{_clash(last['wrong'])}"
    if kind == "failed" and not last["wrong"]:
        story = "not the answer"
    stop = f"{'halts at' if entry['by_choice'] else 'runs all'} {entry['halts_at']}"
    q_halt, conflicts = last["q_halt"], f" · {_clash(last['wrong'])}" if last["wrong"] else ""
    return (
        f'<article class="puzzle {kind}" data-puzzle="{row}" aria-labelledby="p{row}"><h4 id="p{row}">Puzzle {row}</h4>'
        f'<p class="story">{story} · {stop}</p>'
        f'<div class="picture">{pictures[last["picture"]]}</div><p class="cell" hidden></p>'
        f'<p class="q"><span>sure</span><span class="meter"><span style="width:{100 * q_halt:.1f}%"></span></span>'
        f"<span class='value'>{_whole(q_halt)}</span></p>"
        f'<div class="controls"><button type="button" aria-label="Play puzzle {row}">'
        f'<span aria-hidden="true">▶</span></button><input type="range" min="0" max="{most}" value="{most}" '
        f'step="1" aria-label="Segment of puzzle {row}"></div>'
        f'<p class="says">{escape(last["name"])} of {most} · {escape(last["count"])}{conflicts}</p>'
        f'<details><summary>as text<span class="unseen">, puzzle {row}</span></summary>'
        f"<p><code>{escape(entry['puzzle'])}</code></p>"
        f"<p><code>{escape(entry['answer'])}</code></p></details></article>"
    )


def inside(analyses: Sequence[Mapping[str, Any]]) -> str:
    """Return each question with its figure and its numbers in words."""
    parts = []
    for entry in analyses:
        what = entry["what"]
        parts.append(f'<article class="question"><h3>{escape(entry["asks"])}</h3>')
        if "refused" in entry:
            parts.append(f"<p>No answer for this model: {escape(entry['refused'])}.</p></article>")
            continue
        parts.append(f'<p class="answer">{escape(entry["answer"])}</p>')
        parts.append(
            f"<p class='quiet'>{escape(what)}: {entry['puzzles']:,} of the puzzles, {_segments(entry['segments'])}</p>"
        )
        if entry["figure"] is not None:
            svg = part_of_page(entry["figure"], escape(what))
            kept = has_pixels(svg)
            label = escape(f"Figure: {entry['asks']} Its numbers follow in words.")
            svg = (svg if kept else themed(svg)).replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
            scroller = f'tabindex="0" role="region" aria-label="Figure of {escape(what)}"'
            parts.append(f'{_HINT}<div class="figure{" on-white" * kept}" {scroller}>{svg}</div>')
        else:
            parts.append("<p>No figure: drawing one takes matplotlib, which was not installed.</p>")
        words = {escape(name): (escape(value), escape(meaning)) for name, value, meaning in entry["facts"]}
        parts.append(f'<dl class="facts columns">{_facts(words)}</dl></article>')
    return "".join(parts)


def training(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the curves of the run; nothing where there is no log of one."""
    panels = []
    wanted = [
        ("Answer loss, nats a cell", [("answer_loss", "training", "main")], True),
        ("Whole answers right", [("exact_rate", "training, after every segment", "second"),
                                 ("validation_exact", "validation, after the last", "main")], False),
        ("Segments before halting", [("segments_at_halt", "training", "main")], False),
    ]  # fmt: skip
    for title, series, is_log in wanted:
        curves = [
            Curve(label, [(line["update"], line[key]) for line in lines if line.get(key) is not None], style)
            for key, label, style in series
        ]
        curves = [curve for curve in curves if len(curve.points) > 1]
        values = [value for curve in curves for _, value in curve.points if value > 0 or not is_log]
        if not curves or not values:
            continue
        low, high = (min(values), max(values)) if is_log else (0.0, 1.0 if title.startswith("Whole") else max(values))
        low, high = (low / 1.2, high * 1.2) if is_log or high <= low else (low, high)
        said = f"{title} over the updates, at the end {plain(curves[0].points[-1][1])} ({curves[0].name})"
        if title.startswith("Whole"):
            chart = line_chart(curves, "update", said, low, high)
        else:
            chart = line_chart(curves, "update", said, low, high, y=plain, is_log=is_log)
        panels.append(f"<figure><h3>{title}</h3>{chart}{_key(curves)}</figure>")
    if not panels:
        return ""
    return f'<div class="panels">{"".join(panels)}</div>'


def card(found: Mapping[str, Any]) -> str:
    """Return what the model is and how it was trained."""
    of, said = found["card"], "not recorded"
    data, best = of["data"] or {}, of["best"] or {}
    sizes = _listed(of["sizes"])
    components = ", ".join(f"{name} {count:,}" for name, count in of["components"].items())
    trained = said if of["updates"] is None else f"{of['updates']:,} of {of['updates_planned']:,} updates"
    took = said if of["trained_s"] is None else f"{of['trained_s'] / 60:,.1f} minutes ({of['hardware'] or said})"
    reached = said if best.get("exact") is None else f"exact {_percent(best['exact'])} at update {best['update']:,}"
    origin = _listed(data.get("provenance", {}))
    facts = {
        "Family of puzzles": escape(found["task"]),
        "Recipe": escape(of["recipe"]),
        "Network": f"{escape(of['kind'])}: {escape(sizes)}",
        "Parameters": f"{of['parameters']:,} trained ({escape(components)}), puzzle table {of['puzzle_table']:,}",
        "Loop": f"{escape(of['loop'])}; at most {_segments(of['max_segments'])}",
        "Cost": f"{of['gflops_per_segment']:.3g} GFLOP a segment and puzzle (matrix products)",
        "Trained": f"{trained} of {of['slots']:,} slots, seed {of['seed']}",
        "Training took": escape(took),
        "Training data": (
            f"{data['train_rows']:,} puzzles, digest <code>{escape(str(data['digest'])[:16])}</code>; {escape(origin)}"
            if {"train_rows", "digest"} <= data.keys()
            else said
        ),
        "Checkpoint": escape(of["choice"] or said),
        "On its validation puzzles": escape(reached),
        "Weights, sha256": f"<code>{escape(of['weights_sha256'])}</code>",
    }
    return f'<dl class="facts wide">{_facts(facts)}</dl>'


def reproduce(found: Mapping[str, Any], command: str, source: Mapping[str, Any]) -> str:
    """Return what it takes to get the same numbers."""
    protocol = found["protocol"]
    commit = escape(str(source["commit"])) + (", with changes" if source["changed"] else "") if source["commit"] else ""
    origin = _listed(protocol["puzzles"])
    facts = {
        "Date": escape(protocol["date"]),
        "Puzzles": escape(origin),
        "Puzzles and answers, sha256": f"<code>{escape(protocol['rows_sha256'])}</code>",
        "Seed": str(protocol["seed"]),
        "Segments": str(protocol["segments"]),
        "Arithmetic": escape(f"{protocol['precision']} on {protocol['device']}, batches of {protocol['batch_size']}"),
        "Machine": escape(f"{protocol['machine']}, {protocol['threads']} thread{'s' * (protocol['threads'] != 1)}"),
        "Took": f"{protocol['wall_s']:,.0f} seconds",
        "Code": escape(f"hrm {source['version']}") + (f", commit <code>{commit}</code>" if commit else ""),
    }
    return (
        "<p>This command makes this page again; the numbers are the same on the same machine with the same number of "
        f'threads.</p><pre tabindex="0"><code>{escape(command)}</code></pre><dl class="facts wide">{_facts(facts)}</dl>'
    )


def _listed(values: Mapping[str, Any]) -> str:
    """Return names and values in one line, without those that are None."""
    words = {True: "yes", False: "no"}
    return ", ".join(
        f"{name.replace('_', ' ')} {words[value] if isinstance(value, bool) else value}"
        for name, value in values.items()
        if value is not None
    )


def _legend(shown: Mapping[str, Any]) -> str:
    changed, wrong = '<i class="changed">gray</i>', '<i class="wrong">red</i> clashes by a rule'
    if shown["has_colors"]:
        words = f"A cell’s color is its symbol’s, the paler the less sure; a rim of {changed}: changed in this segment"
    else:
        words = (
            '<b>Bold</b> is given, <i class="own">blue</i> is the model’s, the grayer the less sure; '
            f"{changed} changed in this segment"
        )
    entries = [*shown["solved"], *shown["failed"]]
    clashing = any(moment["wrong"] for entry in entries for moment in entry["moments"])
    red = f"; {wrong}" if clashing else ""
    return f'<span class="legend">{words}{red}. Sure: the model’s estimate that its whole answer is right.</span>'


def _key(curves: Sequence[Curve]) -> str:
    items = "".join(f'<li class="{curve.style}">{escape(curve.name)}</li>' for curve in curves)
    return f'<ul class="key">{items}</ul>'


def _facts(words: Mapping[str, str | tuple[str, str]]) -> str:
    """Return names and what is said of them, perhaps with what that means; all are HTML."""
    parts = []
    for name, said in words.items():
        value, meaning = (said, "") if isinstance(said, str) else said
        small = f"<small>{meaning}</small>" if meaning else ""
        parts.append(f"<div><dt>{name}{small}</dt><dd>{value}</dd></div>")
    return "".join(parts)


def _sure(q_halt: float | None) -> str:
    return "" if q_halt is None else f"<span>sure: {_whole(q_halt)}</span>"


def _clash(count: int) -> str:
    return f"{count} cell{'s' * (count != 1)} clash{'es' * (count == 1)}"


def _whole(share: float) -> str:
    return f"{100 * share:.0f}\u202f%"


def _segments(count: int) -> str:
    return f"{count:,} segment{'' if count == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\u202f%"


def _interval(bounds: Sequence[float]) -> str:
    return f"{100 * bounds[0]:.1f} – {100 * bounds[1]:.1f}"
