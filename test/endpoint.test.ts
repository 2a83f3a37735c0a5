/**
 * What images are copied from and to: Glance services, directories, archives.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './endpoint/archive-safety.test.ts'
import './endpoint/archive.test.ts'
import './endpoint/dump-safety.test.ts'
import './endpoint/dumps.test.ts'
import './endpoint/endpoint.test.ts'
import './endpoint/glance-v1.test.ts'
import './endpoint/glance-v2.test.ts'
import './endpoint/http-data.test.ts'
import './endpoint/load-checks.test.ts'
import './endpoint/pace.test.ts'
import './endpoint/ranges.test.ts'
import './endpoint/round-trip.test.ts'
