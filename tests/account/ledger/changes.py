"""How a change of a cluster or an instance shows: what is pending, which status there is meanwhile, and what is refused."""

import time

from experiments import experiment
from lab import short


def serving(lab, suffix):
    """A clone with an available instance."""
    name, _ = lab.clone(suffix, ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 1})
    lab.instance(name)
    lab.await_instance(f"{name}-1")
    return name


def pending(lab, name):
    found = lab.cluster(name)
    return found["Status"], sorted(found.get("PendingModifiedValues") or {})


def until_quiet(lab, name):
    """Every change of status and pending values, until nothing is pending and the cluster was seen busy, or was not for long."""
    begun, busy, enough = time.monotonic(), [], lab.poll * 24

    def quiet(seen):
        busy.append(seen[0] != "available" or bool(seen[1]))
        return not busy[-1] and (any(busy) or time.monotonic() - begun > enough)

    return lab.watch(lambda: pending(lab, name), quiet, poll=lab.quick())


def busy(lab, name, longest=180):
    """Waits for another status than `available`; whether one came."""
    try:
        lab.watch(lambda: lab.status(name), lambda seen: seen != "available", longest=longest, poll=min(lab.quick(), 0.5))
        return True
    except TimeoutError:
        return False


@experiment("R16", "R18", "R44", "R45", "R46", minutes=30, instances=1)
def changes(lab):
    """Sets passwords, log exports, the lifecycle support and an instance's class, and looks every second."""
    name = serving(lab, "changed")
    modify = {"DBClusterIdentifier": name, "ApplyImmediately": True}
    lab.rds.modify_db_cluster(**modify, MasterUserPassword=lab.password())
    second, why = lab.attempt(lab.rds.modify_db_cluster, **modify, MasterUserPassword=lab.password())
    shown = until_quiet(lab, name)
    shows = any("MasterUserPassword" in pending for _, (_, pending) in shown)
    lab.saw("R16", f"after a change of the password: {short(shown)}", shows and any(status != "available" for _, (status, _) in shown))
    lab.rds.modify_db_cluster(**modify, MasterUserPassword=lab.password())
    in_between = "no other status came"
    if busy(lab, name):
        in_between, _ = lab.attempt(lab.rds.modify_db_cluster, **modify, MasterUserPassword=lab.password())
    lab.await_cluster(name)
    # The first lag may be over before the second call: then it is refused like the third.
    no = "InvalidDBClusterStateFault"
    wanted = second in ("accepted", no) and in_between == no
    lab.saw("R18", f"a second change at once: {second}; in another status: {in_between}", wanted)
    logs = {"EnableLogTypes": ["postgresql" if "postgres" in lab.engine else "error"]}
    code, why = lab.attempt(lab.rds.modify_db_cluster, DBClusterIdentifier=name, CloudwatchLogsExportConfiguration=logs)
    shown = until_quiet(lab, name)
    again, _ = lab.attempt(lab.rds.modify_db_cluster, DBClusterIdentifier=name, CloudwatchLogsExportConfiguration=logs)
    until_quiet(lab, name)
    exported = lab.cluster(name).get("EnabledCloudwatchLogsExports")
    wanted = (code, again, exported) == ("accepted", "accepted", logs["EnableLogTypes"])
    lab.saw("R44", f"without ApplyImmediately: {code}, {short(shown)}, then {short(exported)}; once more: {again}", wanted)
    support = "open-source-rds-extended-support-disabled"
    code, why = lab.attempt(lab.rds.modify_db_cluster, DBClusterIdentifier=name, EngineLifecycleSupport=support)
    found = lab.cluster(name)
    shows = (found["Status"], found.get("EngineLifecycleSupport"))
    lab.saw("R45", f"{code}, then at once {short(shows)}", shows == ("available", support))
    until_quiet(lab, name)
    member = f"{name}-1"
    lab.rds.modify_db_instance(DBInstanceIdentifier=member, DBInstanceClass="db.t4g.medium", ApplyImmediately=True)

    def look():
        instance = lab.rds.describe_db_instances(DBInstanceIdentifier=member)["DBInstances"][0]
        return instance["DBInstanceStatus"], instance["DBInstanceClass"], sorted(instance.get("PendingModifiedValues") or {})

    shown = lab.watch(look, lambda seen: seen == ("available", "db.t4g.medium", []), poll=lab.quick())
    early = [seen for _, seen in shown if seen[1] != "db.t4g.medium"]
    lab.saw("R46", f"after a change of the class: {short(shown)}", any("DBInstanceClass" in seen[2] for seen in early))
    lab.remove(name)


@experiment("R17", "R20", minutes=12)
def an_empty_cluster_changes(lab):
    """Changes the password of a clone without instances, and deletes it meanwhile. (Whether the old password works until then
    takes a login: see ledger.md.)"""
    name, _ = lab.clone("empty-changed")
    code, why = lab.attempt(
        lab.rds.modify_db_cluster, DBClusterIdentifier=name, MasterUserPassword=lab.password(), ApplyImmediately=True
    )
    lab.saw("R17", f"a password for a cluster without instances: {code} {why if code != 'accepted' else ''}", code == "accepted")
    if code == "accepted" and busy(lab, name):
        status = lab.status(name)
        code, why = lab.attempt(lab.rds.delete_db_cluster, DBClusterIdentifier=name, SkipFinalSnapshot=True)
        lab.saw("R20", f"a deletion in {status}: {code} {why if code != 'accepted' else ''}", code == "accepted")
    else:
        lab.saw("R20", "no other status than available came, so there was nothing to delete in it", None)
    lab.remove(name)


@experiment("R8", minutes=10)
def a_busy_source(lab):
    """Changes the password of the run's own source, and clones it meanwhile."""
    source = lab.source()
    lab.rds.modify_db_cluster(DBClusterIdentifier=source, MasterUserPassword=lab.password(), ApplyImmediately=True)
    came = busy(lab, source)
    status = lab.status(source)
    code, why = lab.attempt(lab.restore, suffix="of-busy", Tags=lab.tags())
    lab.saw("R8", f"a clone of a source in {status}: {code} {why if code != 'accepted' else ''}" if came else "no other status came", None)
    lab.await_cluster(source)
    lab.remove(lab.name("of-busy"))


@experiment("R37", "R38", "R40", "R41", minutes=30, instances=1, more_dollars=0.01)
def a_managed_password(lab):
    """Lets RDS manage the password of a clone, clones that, sets a password all the same, and ends the management twice."""
    name = serving(lab, "managed")
    modify = {"DBClusterIdentifier": name, "ApplyImmediately": True}
    answer = lab.rds.modify_db_cluster(DBClusterIdentifier=name, ManageMasterUserPassword=True)["DBCluster"]
    at_once = answer.get("MasterUserSecret", {})

    def look():
        found = lab.cluster(name)
        return found["Status"], found.get("MasterUserSecret", {}).get("SecretStatus")

    seen_busy = []

    def settled(seen):
        seen_busy.append(seen[0] != "available")
        return seen[1] == "active" and not seen_busy[-1] and any(seen_busy)

    shown = lab.watch(look, settled, poll=lab.quick())
    wanted = any(status == "resetting-master-credentials" for _, (status, _) in shown)
    lab.saw("R37", f"without ApplyImmediately: {short(shown)}", wanted)
    wanted = bool(at_once.get("SecretArn")) and at_once.get("SecretStatus") == "creating"
    lab.saw("R38", f"the answer shows {sorted(at_once)} in {at_once.get('SecretStatus')}; then {short(shown)}", wanted)
    lab.restore("of-managed", source=name, Tags=lab.tags())
    lab.await_cluster(lab.name("of-managed"))
    copied = lab.cluster(lab.name("of-managed")).get("MasterUserSecret")
    lab.saw("R41", f"MasterUserSecret of a clone of a managed cluster: {short(copied)}", None)
    codes = [
        lab.attempt(lab.rds.modify_db_cluster, **modify, MasterUserPassword=lab.password())[0],
        lab.attempt(lab.rds.modify_db_cluster, **modify, ManageMasterUserPassword=False)[0],
        lab.attempt(lab.rds.modify_db_cluster, **modify, ManageMasterUserPassword=False, MasterUserPassword=lab.password())[0],
    ]
    until_quiet(lab, name)
    codes.append(lab.attempt(lab.rds.modify_db_cluster, **modify, ManageMasterUserPassword=False)[0])
    no = "InvalidParameterCombination"
    words = "a password alone, an end without one, an end with one, a second end"
    lab.saw("R40", f"{words}: {codes}", codes == [no, no, "accepted", no])
    lab.remove(lab.name("of-managed"), name)
