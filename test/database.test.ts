/**
 * Where the server keeps its records, and the commands that look after them.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './database/commands.test.ts'
import './database/connection.test.ts'
import './database/database.test.ts'
import './database/import.test.ts'
import './database/plans.test.ts'
import './database/schema-commands.test.ts'
import './database/schema.test.ts'
import './database/servers.test.ts'
