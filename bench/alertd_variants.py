"""alertd's own variants: what the naive app and the bare sender are compared with.

Each is an object as `bench.measurement.Variant` describes. Names are `alertd-postgres` and `alertd-sqlite`:
the report judges a name `alertd-X` against `naive-X` and `bare`. `prepare(rig, n)` makes the database
(`rig.fresh_database`), imports n families whose only address is push `bench.messages.token(i)`, starts two
worker children with `ALERTD_FCM__BASE_URL` = `rig.provider.url` and `ALERTD_BROKER_URL` =
`rig.broker_url(2)`, and warms them. `run(n)` takes the time from the incident's POST until n deliveries are
accepted in the database, and raises `Mismatch` unless exactly n are, and none is in any other state.
"""

from bench.measurement import Variant

VARIANTS: tuple[Variant, ...] = ()
