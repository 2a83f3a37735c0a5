import t from 'tap'
import { killedSuite } from '../compliance/killed-suite.ts'

killedSuite(t, 50)
