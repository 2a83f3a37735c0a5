import type { ServerSettings } from '../database/settings.ts'

/** What is set about the database. */
export interface DatabaseConfig extends Partial<ServerSettings> {
  /** `simple`, `sqlite`, `postgresql`, `mysql` or a module with somebody else's driver; null for what the connection says. */
  readonly dataApi: string | null
  /** Null for `glance.sqlite` in the data folder. */
  readonly connection: string | null
  /** Whether the tables are made, or brought up to date, when the service starts. */
  readonly dbAutoCreate: boolean
}
