/**
 * The command line: words, choices, what is told, and runs that nobody watches.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './cli/cli.test.ts'
import './cli/compare.test.ts'
import './cli/identity.test.ts'
import './cli/jobs.test.ts'
import './cli/log.test.ts'
import './cli/selection.test.ts'
import './cli/unattended.test.ts'
