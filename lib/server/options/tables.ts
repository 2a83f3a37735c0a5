import { DATABASE_OPTIONS } from './database-options.ts'
import { KEYSTONE_OPTIONS, LIMIT_OPTIONS } from './identity-options.ts'
import { IMAGE_OPTIONS } from './image-options.ts'
import { IMPORT_OPTIONS } from './import-options.ts'
import type { OptionDoc } from './option.ts'
import { POLICY_OPTIONS } from './policy-options.ts'
import { SERVICE_OPTIONS } from './service-options.ts'
import {
  DEFAULT_BACKEND,
  DEFAULT_STORE,
  ENABLED_BACKENDS,
  STORE_DESCRIPTION,
  STORE_OPTIONS,
  STORES,
  WEIGHT,
} from './store-options.ts'

/** A subject, and all options of it. */
interface OptionTable {
  /** As a heading. */
  readonly title: string
  readonly options: readonly OptionDoc[]
}

/** Every option that there is, in the order of the manual. */
export const OPTION_TABLES: readonly OptionTable[] = [
  { title: 'The service', options: SERVICE_OPTIONS },
  { title: 'Images', options: IMAGE_OPTIONS },
  { title: 'Imports and tasks', options: IMPORT_OPTIONS },
  {
    title: 'Stores',
    options: [
      STORES,
      DEFAULT_STORE,
      ENABLED_BACKENDS,
      DEFAULT_BACKEND,
      STORE_DESCRIPTION,
      WEIGHT,
      ...Object.values(STORE_OPTIONS).flat(),
    ],
  },
  { title: 'The database', options: DATABASE_OPTIONS },
  { title: 'Identity', options: KEYSTONE_OPTIONS },
  { title: 'Limits in Keystone', options: LIMIT_OPTIONS },
  { title: 'Policy', options: POLICY_OPTIONS },
]
