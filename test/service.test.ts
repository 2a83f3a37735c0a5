/**
 * The server as a service that is left running: processes, signals, systemd, logs and metrics.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './service/held.test.ts'
import './service/lifecycle.test.ts'
import './service/observing.test.ts'
import './service/systemd.test.ts'
import './service/worker-signals.test.ts'
import './service/workers.test.ts'
