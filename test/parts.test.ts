/**
 * The parts that everything else is made of: formats, filters, streams, HTTP, Keystone.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './parts/bench.test.ts'
import './parts/clouds.test.ts'
import './parts/filter.test.ts'
import './parts/format.test.ts'
import './parts/http-url.test.ts'
import './parts/http.test.ts'
import './parts/keystone.test.ts'
import './parts/stream.test.ts'
import './parts/wire-patch.test.ts'
import './parts/wire-query.test.ts'
import './parts/wire-schema.test.ts'
import './parts/wire-v1.test.ts'
