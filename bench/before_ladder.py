"""What a contender's ladder of steps says of it."""
GENERATOR_FULL = 0.9  # of a core, which is all that it can use


def best(entry):
    """The step that was kept up with and cost the least CPU; None where there is none."""
    kept = [one for one in entry["ladder"] if one["kept_up"]]
    return min(kept, key=lambda one: one["cpu_s_per_million"], default=None)


def calm(entry, cores, utilisation):
    """The greatest step of load at which its servers used that share of the machine at most, as
    they would be run; where each takes more, the one that takes least. None where none was kept up
    with."""
    def used(step):
        return sum(step["cpu_s"].values()) / step["seconds"]

    kept = [one for one in entry["ladder"] if one["kept_up"]]
    fits = [one for one in kept if used(one) <= utilisation * cores]
    return max(fits, key=lambda one: one["rate"]) if fits else min(kept, key=used, default=None)


def sustained(entry):
    """The greatest step that was kept up with, 0 where there is none; and whether the contender
    may take more, because the generator or the ladder had no more to give."""
    kept = [one["rate"] for one in entry["ladder"] if one["kept_up"]]
    last = entry["ladder"][-1]
    more = last["kept_up"] or last["generator_cpu_s"] >= GENERATOR_FULL * last["seconds"]
    return max(kept, default=0), more


def sustained_text(rate, more):
    return f"{rate:,}{' or more' if more else ''}" if rate else "none"
