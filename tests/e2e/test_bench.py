"""``hrm bench`` as a user meets it."""


def test_one_object_on_stdout(installed):
    found = installed("bench", "--quick", "--preset", "small", "--batch-size", 1, "--rounds", 1, "--json").json
    assert {"ceilings", "cases", "speedups", "protocol"} == found.keys()
    assert [case["mode"] for case in found["cases"]] == ["train", "infer"]
    for case in found["cases"]:
        assert {"preset", "dtype", "batch", "compiled", "gflops_per_s", "peak_mib"} <= case.keys()
        assert case["segments_per_s"] > 0 and 0 < case["share_of_ceiling"] < 2
    assert {"machine", "threads", "torch", "count", "yardstick"} <= found["protocol"].keys()
