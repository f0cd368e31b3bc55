"""An invented report, as `aurora-clone report --json` prints one: two pools over two weeks, with all that a page can show.

Run as a program it prints the document; `aurora-clone report --from` takes it.
"""

import datetime
import json
import random

AT = datetime.datetime(2026, 11, 24, 19, 40)
DAYS = 14
POINT = 7_200


def moment(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(**length):
    return moment(AT - datetime.timedelta(**length))


def series(seed):
    """Clones come by day and go by night; a third copy is made when the second ages, which then goes. Half a day is missing."""
    chance = random.Random(seed)
    lines = {}
    clones, age = 10.0, 20_000 + 50_000 * seed
    begin = AT.replace(hour=18, minute=0) - datetime.timedelta(days=DAYS)
    for number in range(DAYS * 86_400 // POINT):
        time = begin + datetime.timedelta(seconds=number * POINT)
        by_day = 8 <= time.hour < 18
        clones = min(34.0, max(3.0, clones + chance.uniform(-1.5, 1.5) + (1.6 if by_day else -1.2)))
        age += POINT
        coming, purged = 172_800 <= age < 187_200, age > 262_000
        begun = 172_800 <= age < 172_800 + POINT
        copies = 3 if age >= 187_200 else 2
        if purged:
            age -= 172_800
        if 75 <= number < 81:
            continue
        values = {
            "FreeSlots": max(0, 15 * (copies + 1) - round(clones) - 5),
            "WantedSlots": 15 if number < 96 else 20,
            "ComingSlots": 15 if coming else 0,
            "Clones": round(clones),
            "StrangersClones": 5,
            "CopiesUsable": copies,
            "CopiesComing": int(coming),
            "CopiesTooOld": 0,
            "CopiesLeaving": int(age > 250_000),
            "CopiesBroken": 0,
            "OldestCopyAge": age,
            "CopiesBegun": int(begun),
            "Deletions": int(purged),
            "MonthlyCost": 80 * (copies + coming),
        }
        for name, value in values.items():
            lines.setdefault(name, []).append({"at": moment(time), "value": value})
    return lines


def row(depth, cluster, kind, cost, **more):
    return {
        "depth": depth,
        "cluster": cluster,
        "kind": kind,
        "status": "available",
        "cost": {"monthly": cost, "atLeast": kind == "stranger"},
        **more,
    }


def rows(name, clones, oldest):
    found = [row(0, name, "root", 650.0, slots=[9, 15], dataAge=0)]
    for number, (owner, text) in enumerate(
        [("web-review-1201", None), ("web-review-1207", "load test of the new checkout"), ("reports-nightly", None), ("ada (command line)", "why is <prod> slow?")]
    ):
        lease = moment(AT + datetime.timedelta(hours=22 * number - 10))
        found.append(row(1, f"clone-{name}-{'mqkd'[number]}4vbb2bk{number}", "clone", 52.56, dataAge=25_200 * number + 3_000, owner=owner, description=text, lease=lease))
    found += [row(1, f"{name}-analytics-{number}", "stranger", 0.0) for number in range(5)]
    for copy, hanging in [(1, (clones - 4) // 2), (2, (clones - 3) // 2)]:
        age = oldest // (3 - copy)
        found.append(row(1, f"clone-{name}-copy-f3k2-{copy}", "copy", 80.0, slots=[hanging, 15], dataAge=age))
        for number in range(hanging):
            owner = "integration-tests" if number % 3 else "mobile-review-88"
            found.append(row(2, f"clone-{name}-x6xjo3{copy}{number:02}", "clone", 52.56, dataAge=age, owner=owner))
    return found


def source(seed, name):
    over_time = series(seed)
    last = {measure: points[-1]["value"] for measure, points in over_time.items()}
    clusters = rows(name, last["Clones"], last["OldestCopyAge"])
    return {
        "name": name,
        "engine": "aurora-postgresql 16.6",
        "wanted": last["WantedSlots"],
        "free": last["FreeSlots"],
        "used": last["Clones"] + last["StrangersClones"],
        "copies": last["CopiesUsable"],
        "clones": last["Clones"],
        "strangers": last["StrangersClones"],
        "oldest": last["OldestCopyAge"],
        "maxCopyAge": 259_200,
        "cost": {"monthly": sum(cluster["cost"]["monthly"] for cluster in clusters), "atLeast": True},
        "series": over_time,
        "rows": clusters,
        "figures": [],
    }


def told(hours, sort, what, why, times=1, source="shop"):
    first = ago(hours=hours, minutes=15 * (times - 1))
    return {"at": ago(hours=hours), "first": first, "times": times, "sort": sort, "source": source, "what": what, "why": why}


def document():
    return {
        "kind": "aurora-clone-report",
        "manager": "aurora-clone-manager",
        "account": "111122223333",
        "region": "eu-west-1",
        "simulated": False,
        "at": moment(AT),
        "from": ago(days=DAYS),
        "to": moment(AT),
        "point": POINT,
        "currency": "USD",
        "sources": [source(10, "shop"), source(9, "billing")],
        "withoutRoot": [],
        "troubles": [{"about": "shop", "what": "20 free slots are wanted, 17 are free and none are coming: max-monthly-cost 250 pays for no more copies"}],
        "told": [
            told(0.2, "trouble", "20 free slots are wanted, 17 are free", "max-monthly-cost 250 pays for no more copies", 12),
            told(5, "did", "Deletes the copy clone-shop-copy-f3k2-3", "it was marked 75 minutes ago, and 26 slots stay free"),
            told(6.5, "did", "Marked clone-shop-copy-f3k2-3", "its data is older than max-copy-age P3D"),
            told(9, "waits", "Waits", "clone-billing-copy-f3k2-2 is being made", 4, "billing"),
            told(11, "did", "Began the full copy clone-billing-copy-f3k2-2", "20 slots are wanted, 11 are free", source="billing"),
            told(20, "found", "clone-shop-m4vbb2bk0: lease over", "it is over since 2026-11-24T09:40:00Z and stays: it has deletion protection", 40),
            told(30, "error", "The sweep failed", "DescribeStacks failed: Throttling: Rate exceeded", source=""),
        ],
        "toldSince": None,
        "missing": [],
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=1))
