import t from 'tap'
import { killedSuite } from '../support/killed-suite.ts'

killedSuite(t, 3, 3)
