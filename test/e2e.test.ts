/**
 * The built program in processes of its own, which are killed too.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './e2e/demo.test.ts'
import './e2e/killed.test.ts'
import './e2e/program.test.ts'
import './e2e/store-killed.test.ts'
