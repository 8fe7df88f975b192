"""The table of `script/bench peers`, and its goals."""
OURS = ("hunt-sqlite", "hunt-postgres")
TIMES_LEAST, CPU_SHARE_MOST = 2.5, 0.4  # of every contender, in both columns
CLAIMS_TIMES_LEAST = 1.5
HEADS = ("contender", "singly/s", "CPU-s/M", "batches/s", "CPU-s/M", "p99 ms at 70 %",
         "cores of the client")


def ms(value):
    return "-" if value is None else f"{value:.1f}"


def rate(one):
    """With a mark where the client had no more to give."""
    return f"{one['per_second']:,.0f}{' or more' if one['client_was_full'] else ''}"


def line_of(one):
    """One measurement, as it is told at once."""
    return (f"{rate(one)} a second, {one['cpu_s_per_million']:.2f} CPU-s a million,"
            f" p99 {ms(one['p99_ms'])} ms at 70 %; granted {one['granted_share']:.2%},"
            f" client {one['client_cores']:.2f} cores, machine {one['machine_cores']:.2f}")


def row_of(title, modes):
    """The row of a scene; a mode that was not measured is empty."""
    all_modes = [modes.get(batch) for batch in ("1", "100")]
    row = [title]
    for one in all_modes:
        row += [rate(one), f"{one['cpu_s_per_million']:,.2f}"] if one else ["", ""]
    there = [one for one in all_modes if one]
    return [*row, ", ".join(ms(one["p99_ms"]) for one in there),
            ", ".join(f"{one['client_cores']:.2f}" for one in there)]


def print_rows(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip())


def tell(results):
    contenders = results["contenders"].values()
    for scene in ("base", "claims", "sold-out"):
        rows = [row_of(one["title"], one["scenes"][scene]) for one in contenders
                if scene in one["scenes"]]
        if rows:
            print(f"\n  {scene}")
            print_rows([HEADS, *rows])
    rows = [(one["title"], f"{one['scenes']['restart']['first_answer_s']:.2f} s")
            for one in contenders if "restart" in one["scenes"]]
    if rows:
        print("\n  restart")
        print_rows([("contender", "first answer after"), *rows])
    for goal in results["goals"]:
        print(f"  goal: {goal['what']}: {goal['measured']}: {'met' if goal['met'] else 'NOT MET'}")


def figures(contenders, name, scene, batch):
    return contenders.get(name, {}).get("scenes", {}).get(scene, {}).get(batch)


def absolute_goals(contenders, add):
    """Of ours, whoever else there is."""
    for name in OURS:
        for batch, how, least in (("1", "singly", 120_000), ("100", "batches", 1_500_000)):
            if one := figures(contenders, name, "base", batch):
                title = f"{contenders[name]['title']}, {how}"
                add(f"{title}: at least {least:,}/s", rate(one), one["per_second"] >= least)
                add(f"{title}: p99 at most 3 ms at 70 %", f"{ms(one['p99_ms'])} ms",
                    one["p99_ms"] is not None and one["p99_ms"] <= 3)
                if batch == "1":
                    cost = one["cpu_s_per_million"]
                    add(f"{title}: at most 9 CPU-s a million", f"{cost:.1f}", cost <= 9)
        if one := figures(contenders, name, "sold-out", "1"):
            add(f"{contenders[name]['title']}, sold out, singly: at least 100,000/s", rate(one),
                one["per_second"] >= 100_000)
        if one := contenders.get(name, {}).get("scenes", {}).get("restart"):
            took = one["first_answer_s"]
            add(f"{contenders[name]['title']}: first answer after a restart within 0.3 s",
                f"{took:.2f} s", took <= 0.3)


def goals(contenders):
    """[{what, measured, met}] of those that were run."""
    out = []

    def add(what, measured, met):
        out.append({"what": what, "measured": measured, "met": bool(met)})

    absolute_goals(contenders, add)
    others = [name for name in contenders if name not in OURS]
    for name in OURS:
        for batch, how in (("1", "singly"), ("100", "batches")):
            ours = figures(contenders, name, "base", batch)
            beside = {other: figures(contenders, other, "base", batch) for other in others}
            beside = {other: one for other, one in beside.items() if one}
            if not ours or not beside:
                continue
            title = f"{contenders[name]['title']}, {how}"
            times, who = min((ours["per_second"] / one["per_second"], other)
                             for other, one in beside.items())
            add(f"{title}: at least {TIMES_LEAST} times every contender",
                f"{times:.2f} times {who}", times >= TIMES_LEAST)
            share, who = max((ours["cpu_s_per_million"] / one["cpu_s_per_million"], other)
                             for other, one in beside.items())
            add(f"{title}: at most {CPU_SHARE_MOST} of the CPU of every contender",
                f"{share:.2f} of {who}", share <= CPU_SHARE_MOST)
    ours, beside = (figures(contenders, name, "claims", "100") for name in ("hunt-postgres", "map"))
    if ours and beside:
        times = ours["per_second"] / beside["per_second"]
        add(f"claims dominate, PostgreSQL: at least {CLAIMS_TIMES_LEAST} times the Map in Node",
            f"{times:.2f} times", times >= CLAIMS_TIMES_LEAST)
    return out
