"""The rule that all else rests on: how many clones a volume takes, and what counts as one.

A clone that is none shows in no field of an answer. What shows is its time in `creating`, if there is enough data to tell (the
option --data-gib), and the metric VolumeBytesUsed, which RDS writes about once an hour.
"""

import datetime
import time
from concurrent.futures import ThreadPoolExecutor

from experiments import experiment
from lab import median, short

# How much longer than others a full copy takes at least.
FACTOR = 3
ROWS_PER_CALL = 20_000


def fill(lab, name):
    """Puts some GiB into the run's own source, by the Data API."""
    gib = lab.options.get("data_gib") or 0
    if not gib:
        return
    cluster = lab.cluster(name)
    lab.say(f"  filling {name} with {gib} GiB")
    secret = lab.secrets.create_secret(
        Name=lab.name("filling"), SecretString='{"username": "ledger", "password": "%s"}' % reset(lab, name)
    )["ARN"]
    run = lambda sql: lab.clients["rds-data"].execute_statement(  # noqa: E731
        resourceArn=cluster["DBClusterArn"], secretArn=secret, database="ledger", sql=sql
    )
    run("create table filler (id bigserial, text text)")
    run("alter table filler alter column text set storage external")
    for _ in range(int(gib * 1024**3 / (ROWS_PER_CALL * 4_096)) + 1):
        run(f"insert into filler (text) select repeat(md5(random()::text), 128) from generate_series(1, {ROWS_PER_CALL})")


def reset(lab, name):
    password = lab.password()
    lab.rds.modify_db_cluster(DBClusterIdentifier=name, MasterUserPassword=password, ApplyImmediately=True)
    time.sleep(min(90, lab.poll * 18))
    lab.await_cluster(name)
    return password


def volumes(lab, names):
    """VolumeBytesUsed of clusters, when all of them have it."""
    wait = lab.options.get("volume_wait_minutes") or 0
    if not wait:
        return {}

    def look():
        end, found = datetime.datetime.now(datetime.UTC), {}
        for name in names:
            points = lab.clients["cloudwatch"].get_metric_statistics(
                Namespace="AWS/RDS", MetricName="VolumeBytesUsed", Statistics=["Maximum"], Period=300,
                Dimensions=[{"Name": "DBClusterIdentifier", "Value": name}],
                StartTime=end - datetime.timedelta(hours=3), EndTime=end,
            )["Datapoints"]
            if points:
                found[name] = max(points, key=lambda point: point["Timestamp"])["Maximum"]
        return found

    try:
        return lab.watch(look, lambda found: len(found) == len(names), longest=wait * 60, poll=min(60, lab.poll * 12))[-1][1]
    except TimeoutError:
        return look()


@experiment("R1", "R2", "R3", "R4", minutes=150, instances=2, more_dollars=0.25)
def sixteen_clones(lab):
    """Makes 14 clones of a source of its own, a clone of a clone, the fifteenth, the sixteenth, one while another is being deleted, and
    one after it is gone; and full copies before and after."""
    source = lab.source("slots")
    fill(lab, source)
    # Asked for before the first clone: the source has no clone group yet. A new cluster may have no time to be restored to.
    copy = {"suffix": "copy-before", "source": source, "kind": "full-copy", "Tags": lab.tags()}
    lab.watch(lambda: lab.attempt(lab.restore, **copy)[0], lambda seen: seen == "accepted", longest=1800)
    begun = time.monotonic()
    with ThreadPoolExecutor(max_workers=4) as pool:
        before = pool.submit(lambda: (lab.await_cluster(lab.name("copy-before")), time.monotonic() - begun)[1])
        first, took = lab.clone("slot-1", source=source, ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 1})
        quick = [took]
        lab.instance(first)
        lab.await_instance(f"{first}-1")
        lab.say(f"  the first clone has an instance after {time.monotonic() - begun:.0f} s")
        more = pool.map(lambda number: lab.clone(f"slot-{number}", source=source)[1], range(2, 15))
        quick += list(more)
        full = before.result()
    usual = median(quick)
    slow = lambda seconds: seconds > FACTOR * usual  # noqa: E731
    tells = slow(full)
    lab.say(f"  a clone takes {usual:.1f} s, a full copy {full:.1f} s" + ("" if tells else ": too little data to tell them apart"))

    def timed(suffix, of=source):
        seconds = lab.clone(suffix, source=of)[1]
        lab.say(f"  {suffix} takes {seconds:.1f} s")
        return seconds

    # R3: a clone of a clone, and the fifteenth of the source. If the former counts, the latter is the sixteenth.
    of_clone = timed("of-slot-1", of=first)
    after_it = timed("slot-15")
    lab.remove(lab.name("of-slot-1"), lab.name("slot-15"))
    fifteenth, sixteenth = timed("slot-15"), timed("slot-16")
    bytes_used = volumes(lab, [source, lab.name("slot-15"), lab.name("slot-16")])
    tail = f"; VolumeBytesUsed {short(bytes_used)}" if bytes_used else ""
    open_or = lambda holds: holds if tells else None  # noqa: E731
    lab.saw("R1", f"15th {fifteenth:.1f} s, 16th {sixteenth:.1f} s, of {usual:.1f} s usually{tail}", open_or(slow(sixteenth) and not slow(fifteenth)))
    lab.saw("R3", f"a clone of a clone {of_clone:.1f} s, and one more beside 14 and it {after_it:.1f} s", open_or(slow(after_it)))
    # R2: one of 15 goes.
    lab.attempt(lab.rds.delete_db_cluster, DBClusterIdentifier=lab.name("slot-14"), SkipFinalSnapshot=True)
    while_deleting = timed("while-deleting")
    lab.await_cluster(lab.name("slot-14"), "gone")
    after = timed("after-it")
    words = f"while one of 15 is deleting {while_deleting:.1f} s, after it is gone {after:.1f} s"
    lab.saw("R2", words, open_or(slow(while_deleting) and not slow(after)))
    lab.clone("copy-after", source=source, kind="full-copy")
    group = lambda name: (lab.cluster(name) or {}).get("CloneGroupId")  # noqa: E731
    groups = {name: group(lab.name(name) if name != source else source) for name in (source, "copy-before", "copy-after")}
    wanted = groups["copy-after"] == groups[source] is not None and groups["copy-before"] is None
    lab.saw("R4", f"CloneGroupId: {short(groups)}", wanted)
    lab.remove(*[name for name in lab.ours() if name != source and name not in lab.sources.values()])
