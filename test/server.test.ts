/**
 * The server around its API: who may do what, imports, connections, configuration.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './server/access.test.ts'
import './server/cache-commands.test.ts'
import './server/cache.test.ts'
import './server/config.test.ts'
import './server/delayed-delete.test.ts'
import './server/fetching.test.ts'
import './server/hostile.test.ts'
import './server/http.test.ts'
import './server/identity.test.ts'
import './server/import.test.ts'
import './server/malformed.test.ts'
import './server/orphans.test.ts'
import './server/policy.test.ts'
import './server/races.test.ts'
import './server/resumable.test.ts'
import './server/scrub.test.ts'
import './server/stores.test.ts'
import './server/tls.test.ts'
