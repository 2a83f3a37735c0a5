import t from 'tap'
import { killedSuite } from '../support/killed-suite.ts'

killedSuite(t, 50, 2)
