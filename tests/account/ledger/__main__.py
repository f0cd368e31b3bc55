"""Settles rows of crates/sim/assumptions.md in an AWS account: see README.md beside this folder, and --help."""

import argparse
import datetime
import json
import pathlib
import re
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
ASSUMPTIONS = HERE.parents[2] / "crates/sim/assumptions.md"
LOOKS_LIKE_PRODUCTION = re.compile(r"(^|[-_])(prod|production|prd|live)([-_]|$)")


def assumptions():
    """The second column of every row, by the first."""
    rows = {}
    for line in ASSUMPTIONS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.fullmatch(r"[A-Z]+[0-9]+", cells[0]):
            rows[cells[0]] = cells[1]
    return rows


def refuse(words):
    print(f"ledger: {words}", file=sys.stderr)
    sys.exit(2)


def arguments():
    parser = argparse.ArgumentParser(prog="python3 tests/account/ledger", description=__doc__)
    parser.add_argument("--list", action="store_true", help="lists the rows that can be settled, with cost and duration")
    parser.add_argument("--only", metavar="R1,R5", help="the rows to settle; what is done for one may settle others as well")
    parser.add_argument("--account", help="the account that you mean; it is refused in another one")
    parser.add_argument("--yes", action="store_true", help="makes databases, and so costs money: it says how much before")
    parser.add_argument("--beside-production", action="store_true", help="in an account with clusters that look like production")
    parser.add_argument("--clean", metavar="PREFIX", help="only takes away what a run that was killed has left, such as ledger-0123abcd-")
    parser.add_argument("--out", metavar="DIR", default=".", help="where the results are written (.)")
    parser.add_argument("--engine", default="aurora-postgresql", help="aurora-postgresql or aurora-mysql")
    parser.add_argument("--subnet-group", help="the DB subnet group (the account's default)")
    parser.add_argument("--data-gib", type=float, default=0, help="GiB to put into the source for R1 to R3, so that a full copy takes longer (0)")
    parser.add_argument("--volume-wait-minutes", type=float, default=0, help="how long to wait for VolumeBytesUsed in R1 (0: not asked)")
    parser.add_argument("--acu-price", type=float, default=0.12, help="what an ACU-hour costs in your region, in dollars (0.12)")
    parser.add_argument("--poll", type=float, default=5, help="seconds between two looks (5)")
    parser.add_argument("--longest", type=float, default=5400, help="seconds that anything may take (5400)")
    return parser.parse_args()


def chosen(experiments, only, known):
    """The experiments that settle these rows."""
    if only is None:
        return experiments
    rows = [row.strip().upper() for row in only.split(",")]
    scripted = {row for experiment in experiments for row in experiment.rows}
    for row in rows:
        if row not in known:
            refuse(f"there is no row {row}")
        if row not in scripted:
            refuse(f"{row} is not settled by this script: tests/account/ledger.md says how it is")
    return [experiment for experiment in experiments if set(experiment.rows) & set(rows)]


def show(experiments, price):
    minutes = sum(experiment.minutes for experiment in experiments)
    dollars = sum(experiment.dollars(price) for experiment in experiments)
    for experiment in experiments:
        print(f"{', '.join(experiment.rows)}: {experiment.minutes} minutes, {experiment.dollars(price):.2f} dollars")
        print(f"    {experiment.about()}")
    print(f"\nTogether about {minutes + 15} minutes and {dollars + 0.02:.2f} dollars, with a source that is made and deleted.")
    print(f"  hours x instances x 0.5 ACU x {price} an ACU-hour, and a few cents for storage, secrets and keys; a KMS key waits 7 days")
    print("  for its deletion, which costs nothing. With --data-gib: twice that many GiB of storage for the hours, and the ACUs of loading.")


def look_around(options, session):
    """Refuses where a run should not be."""
    found = session.client("sts").get_caller_identity()["Account"]
    if options.account is None:
        refuse(f"--account says which account you mean; your credentials are of {found}")
    if options.account != found:
        refuse(f"your credentials are of the account {found}, and --account says {options.account}")
    pages = session.client("rds").get_paginator("describe_db_clusters").paginate()
    clusters = [cluster for page in pages for cluster in page["DBClusters"]]
    others = [cluster for cluster in clusters if not cluster["DBClusterIdentifier"].startswith("ledger-")]
    looks = [
        cluster["DBClusterIdentifier"]
        for cluster in others
        if cluster.get("DeletionProtection") or LOOKS_LIKE_PRODUCTION.search(cluster["DBClusterIdentifier"])
    ]
    if looks and not options.beside_production:
        refuse(
            f"the account has clusters that look like production ({', '.join(looks[:5])}). A run touches none of them, but it uses the"
            " account's quotas and its rate of calls: take an account for trials, or say --beside-production"
        )
    return found, session.region_name


def write(folder, lab, account, known):
    """The results as JSON, and as lines for the ledger."""
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    lines = [f"Seen in {lab.session.region_name} on {when}, {lab.engine}:", "", "| # | Assumption | Seen | Holds |", "|---|---|---|---|"]
    words = {True: "yes", False: "**no**", None: "open"}
    for row, found in lab.seen.items():
        seen = found["seen"].replace("|", "\\|").replace("\n", " ").replace(account, "123456789012")
        lines.append(f"| {row} | {known[row]} | {seen} | {words[found['holds']]} |")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{lab.prefix}results"
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")
    path.with_suffix(".json").write_text(json.dumps({"region": lab.session.region_name, "date": when, "rows": lab.seen}, indent=2) + "\n")
    print(f"\nWritten: {path.with_suffix('.md')} and .json, without the account's number")


def main():
    options = arguments()
    import experiments

    every, known = experiments.load(), assumptions()
    wanted = chosen(every, options.only, known)
    if options.list:
        return show(wanted, options.acu_price)
    import boto3

    import lab as room

    if options.clean and not room.PREFIX.fullmatch(options.clean):
        refuse(f"--clean is {options.clean}, and should be the prefix of a run, such as ledger-0123abcd-")
    session = boto3.Session()
    account, region = look_around(options, session)
    more = {"subnet_group": options.subnet_group, "data_gib": options.data_gib, "volume_wait_minutes": options.volume_wait_minutes}
    lab = room.Lab(session, options.clean, poll=options.poll, longest=options.longest, engine=options.engine, **more)
    if options.clean:
        print(f"This deletes everything in {account}, {region} whose name begins with {lab.prefix}: {lab.ours()}")
        if not options.yes:
            refuse("nothing was deleted, since --yes was not given")
        return finish(lab)
    print(f"In the account {account}, {region}, under names that begin with {lab.prefix}:")
    show(wanted, options.acu_price)
    if not options.yes:
        refuse("nothing was made, since --yes was not given")
    return perform(lab, wanted, known, options, account)


def perform(lab, wanted, known, options, account):
    def stop(*_):
        lab.stopping = True
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    stopped = False
    try:
        for experiment in wanted:
            print(f"\n{experiment.name().replace('_', ' ')}: {experiment.about()}")
            for row in experiment.rows:
                print(f"    {row} assumes: {known[row]}")
            try:
                experiment.run(lab)
            # What one experiment finds must not keep the others from running.
            except Exception as error:
                for row in experiment.rows:
                    if row not in lab.seen:
                        lab.saw(row, f"not settled: {type(error).__name__} {error}", None)
    except KeyboardInterrupt:
        stopped = True
        print("\nStopped.")
    finally:
        if lab.seen:
            write(pathlib.Path(options.out), lab, account, known)
        status = finish(lab)
    if stopped:
        return 130
    otherwise = [row for row, found in lab.seen.items() if found["holds"] is False]
    print(f"{len(lab.seen)} rows looked at; not as assumed: {', '.join(otherwise) or 'none'}")
    return status


def finish(lab):
    """Cleans up; a second Ctrl-C says what is left to do by hand."""
    print(f"\nTaking away everything that begins with {lab.prefix}")
    try:
        left = lab.clean()
    except KeyboardInterrupt:
        left = ["whatever it was at"]
    if left:
        print(f"LEFT OVER: {left}. Take it away: python3 tests/account/ledger --clean {lab.prefix} --account … --yes")
        return 1
    print("Nothing is left.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
