"""``hrm bench``."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table

from hrm.cli.console import print_json, stderr, stdout
from hrm.cli.options import Device, Json
from hrm.runtime.environment import keep_compiled_code


def bench(
    *,
    quick: Annotated[bool, Parameter(negative="", help="Only a few small cases, at most a minute.")] = False,
    preset: Annotated[
        list[str] | None, Parameter(consume_multiple=True, negative="", help="Networks to time. Default: all.")
    ] = None,
    batch_size: Annotated[
        int | None, Parameter(help="Number of puzzles at a time. Default: depends on the preset.")
    ] = None,
    dtype: Annotated[
        Literal["auto", "fp32", "bf16"],
        Parameter(name=["--precision", "--dtype"], help="Arithmetic. auto: bf16 where the hardware supports it."),
    ] = "auto",
    compiled: Annotated[
        bool | None,
        Parameter(negative="--eager", help="Only compiled or only eager cases of this package. Default: both."),
    ] = None,
    seconds: Annotated[float | None, Parameter(help="Minimum length of a sample in seconds.")] = None,
    rounds: Annotated[int | None, Parameter(help="Number of samples of each case, interleaved.")] = None,
    official: Annotated[
        Path | None, Parameter(help="Checkout of the official code to time as well. This runs its code.")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Compare the speed of this package with a plain version of the published algorithm on this machine.

    Compare numbers from one run only: the speed of a machine drifts.

    Example: `hrm bench --quick`, `hrm bench --preset hrm small --eager`.
    """
    from hrm.bench.cases import planned
    from hrm.bench.run import bench as run_bench
    from hrm.bench.run import protocol

    keep_compiled_code()
    cases = planned(
        preset or [], quick=quick, batch_size=batch_size, dtype=dtype, compiled=compiled,
        official=official is not None, device=device,
    )  # fmt: skip
    timings = run_bench(cases, protocol(quick, seconds, rounds), device=device, official=official, console=stderr())
    if json:
        print_json(timings)
        return
    _show(timings)


def _show(timings: dict[str, Any]) -> None:
    console, how = stdout(), timings["protocol"]
    console.print(f"{how['machine']}, {how['device']}, {how['threads']} threads, torch {how['torch']}")
    console.print(_ceilings(timings["ceilings"]))
    console.print(_cases(timings["cases"], how["rounds"]))
    if timings["speedups"]:
        console.print(_speedups(timings["speedups"]))
        console.print(f"yardstick: {how['yardstick']}.\n")
        console.print(f"ratio: {how['speedup']}.\n")
    console.print(f"count: {how['count']}.")
    for entry in how["skipped"]:
        console.print(f"skipped {entry['case']}: {entry['why']}")


def _ceilings(ceilings: dict[str, Any]) -> Table:
    table = Table(title="ceilings", caption=f"copy of 256 MiB: {ceilings['copy_gb_per_s']:.1f} GB/s, read and written")
    table.add_column("product (M, K) × (K, N)", no_wrap=True)
    table.add_column("of")
    for dtype in ("fp32", "bf16"):
        table.add_column(f"{dtype} GFLOP/s", justify="right")
    rates = {(*entry["shape"], entry["dtype"]): entry["gflops_per_s"] for entry in ceilings["matmul"]}
    for entry in ceilings["matmul"]:
        if entry["dtype"] == "fp32":
            m, k, n = entry["shape"]
            both = (f"{rates[m, k, n, dtype]:,.0f}" for dtype in ("fp32", "bf16"))
            table.add_row(f"{m} × {k} × {n}", ", ".join(entry["used_by"]), *both)
    return table


def _cases(cases: list[dict[str, Any]], rounds: int) -> Table:
    table = Table(title=f"medians of {rounds} rounds")
    table.add_column("case")
    for column in ("s/step", "segments/s", "GFLOP/s", "of ceiling", "peak MiB"):
        table.add_column(column, justify="right")
    for case in cases:
        peak = "–" if case["peak_mib"] is None else f"{case['peak_mib']:,}"
        table.add_row(
            _named(case), f"{case['seconds_per_step']:.3g}", f"{case['segments_per_s']:.3g}",
            f"{case['gflops_per_s']:.0f}", f"{case['share_of_ceiling']:.0%}", peak,
        )  # fmt: skip
    return table


def _speedups(speedups: list[dict[str, Any]]) -> Table:
    table = Table(title="ours over the published algorithm run plainly")
    for column in ("case", "versus"):
        table.add_column(column)
    for column in ("ratio", "least – greatest"):
        table.add_column(column, justify="right")
    for entry in speedups:
        algorithm = f", {entry['algorithm']}" if entry["algorithm"] else ""
        other = "" if entry["same_network"] else ", another network"
        spread = f"{entry['least']:.2f} – {entry['greatest']:.2f}"
        table.add_row(_named(entry) + algorithm, entry["versus"] + other, f"{entry['ratio']:.2f}", spread)
    return table


def _named(entry: dict[str, Any]) -> str:
    kind = "compiled" if entry["compiled"] else "eager"
    return f"{entry['preset']} {entry['mode']} {entry['dtype']} b{entry['batch']} {kind}"
