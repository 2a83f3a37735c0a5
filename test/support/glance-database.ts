import Libsql from 'libsql'

/** What Glance's migrations have made of its database by some release, as SQLite has it. */
export type Release = 'folsom' | 'grizzly' | 'juno' | 'zed'

type Cell = string | number | Uint8Array | null
type Rows = Readonly<Record<string, readonly Readonly<Record<string, Cell>>[]>>

const TIMES = 'created_at DATETIME NOT NULL, updated_at DATETIME'
const DELETED = `${TIMES}, deleted_at DATETIME, deleted BOOLEAN NOT NULL`
const ID = 'id INTEGER NOT NULL PRIMARY KEY'
const IMAGE_ID = 'image_id VARCHAR(36) NOT NULL REFERENCES images (id)'

/** Common to all images since Folsom. */
const IMAGE = `id VARCHAR(36) NOT NULL PRIMARY KEY, name VARCHAR(255), size BIGINT,
  status VARCHAR(30) NOT NULL, ${DELETED}, disk_format VARCHAR(20), container_format VARCHAR(20),
  checksum VARCHAR(32), owner VARCHAR(255), min_disk INTEGER NOT NULL, min_ram INTEGER NOT NULL,
  protected BOOLEAN`

const PARTS = {
  image_properties: `${ID}, ${IMAGE_ID}, name VARCHAR(255) NOT NULL, value TEXT, ${DELETED},
    UNIQUE (image_id, name)`,
  image_tags: `${ID}, ${IMAGE_ID}, value VARCHAR(255) NOT NULL, ${DELETED}`,
}

const MEMBER = `${ID}, ${IMAGE_ID}, member VARCHAR(255) NOT NULL, can_share BOOLEAN NOT NULL, ${DELETED}`
const MEMBER_STATUS = "status VARCHAR(20) NOT NULL DEFAULT 'pending'"
const LOCATION = `${ID}, ${IMAGE_ID}, value TEXT NOT NULL, ${DELETED}`
const MIGRATIONS =
  'repository_id VARCHAR(250) NOT NULL PRIMARY KEY, repository_path TEXT, version INTEGER'
const TASK = `id VARCHAR(36) NOT NULL PRIMARY KEY, type VARCHAR(30) NOT NULL, status VARCHAR(30) NOT NULL,
  owner VARCHAR(255) NOT NULL, expires_at DATETIME, ${DELETED}`
const TASK_INFO = `task_id VARCHAR(36) NOT NULL PRIMARY KEY REFERENCES tasks (id), input TEXT, result TEXT,
  message TEXT`

const PART_OF_NAMESPACE = `${ID}, namespace_id INTEGER NOT NULL, name VARCHAR(80) NOT NULL`
const METADEFS = {
  metadef_namespaces: `${ID}, namespace VARCHAR(80) NOT NULL UNIQUE, display_name VARCHAR(80),
    description TEXT, visibility VARCHAR(32), protected BOOLEAN, owner VARCHAR(255) NOT NULL, ${TIMES}`,
  metadef_resource_types: `${ID}, name VARCHAR(80) NOT NULL, protected BOOLEAN NOT NULL, ${TIMES}`,
  metadef_namespace_resource_types: `resource_type_id INTEGER NOT NULL, namespace_id INTEGER NOT NULL,
    properties_target VARCHAR(80), prefix VARCHAR(80), ${TIMES},
    PRIMARY KEY (resource_type_id, namespace_id)`,
  metadef_objects: `${PART_OF_NAMESPACE}, description TEXT, required TEXT, json_schema TEXT NOT NULL, ${TIMES}`,
  metadef_properties: `${PART_OF_NAMESPACE}, json_schema TEXT NOT NULL, ${TIMES}`,
}

/** Tables and their columns. */
const SCHEMAS: Readonly<Record<Release, Readonly<Record<string, string>>>> = {
  folsom: {
    migrate_version: MIGRATIONS,
    images: `${IMAGE}, is_public BOOLEAN NOT NULL, location TEXT`,
    image_members: `${MEMBER}, UNIQUE (image_id, member)`,
    ...PARTS,
  },
  grizzly: {
    migrate_version: MIGRATIONS,
    images: `${IMAGE}, is_public BOOLEAN NOT NULL`,
    image_members: `${MEMBER}, status VARCHAR(20), UNIQUE (image_id, member)`,
    image_locations: LOCATION,
    ...PARTS,
  },
  juno: {
    migrate_version: MIGRATIONS,
    images: `${IMAGE}, is_public BOOLEAN NOT NULL, virtual_size INTEGER`,
    image_members: `${MEMBER}, ${MEMBER_STATUS}`,
    image_locations: `${LOCATION}, meta_data TEXT, status VARCHAR(30) NOT NULL DEFAULT 'active'`,
    tasks: TASK,
    task_info: TASK_INFO,
    ...METADEFS,
    ...PARTS,
  },
  zed: {
    alembic_version: 'version_num VARCHAR(32) NOT NULL PRIMARY KEY',
    images: `${IMAGE}, virtual_size BIGINT, visibility VARCHAR(9) NOT NULL DEFAULT 'shared',
      os_hidden BOOLEAN NOT NULL DEFAULT 0, os_hash_algo VARCHAR(64), os_hash_value VARCHAR(128)`,
    image_members: `${MEMBER}, ${MEMBER_STATUS}, UNIQUE (image_id, member, deleted_at)`,
    image_locations: `${LOCATION}, meta_data TEXT, status VARCHAR(30) NOT NULL DEFAULT 'active'`,
    tasks: `${TASK}, image_id VARCHAR(36), request_id VARCHAR(64), user_id VARCHAR(64)`,
    task_info: TASK_INFO,
    ...METADEFS,
    metadef_tags: `${PART_OF_NAMESPACE}, ${TIMES}`,
    ...PARTS,
  },
}

const VERSIONS: Readonly<Record<Release, Rows>> = {
  folsom: { migrate_version: [{ repository_id: 'Glance Migrations', version: 15 }] },
  grizzly: { migrate_version: [{ repository_id: 'Glance Migrations', version: 22 }] },
  juno: { migrate_version: [{ repository_id: 'Glance Migrations', version: 36 }] },
  zed: { alembic_version: [{ version_num: 'wallaby_contract01' }] },
}

/** What a row has unless it says otherwise. */
const CREATED = { created_at: '2012-09-27 10:00:00' }
const DEFAULTS: Readonly<Record<string, Readonly<Record<string, Cell>>>> = {
  images: { ...CREATED, deleted: 0, status: 'active', min_disk: 0, min_ram: 0 },
  image_properties: { ...CREATED, deleted: 0 },
  image_tags: { ...CREATED, deleted: 0 },
  image_members: { ...CREATED, deleted: 0, can_share: 0 },
  image_locations: { ...CREATED, deleted: 0 },
  tasks: { ...CREATED, deleted: 0, owner: 'p' },
  metadef_resource_types: { ...CREATED, protected: 0 },
  metadef_namespaces: { ...CREATED, owner: 'p' },
  metadef_namespace_resource_types: CREATED,
  metadef_objects: CREATED,
  metadef_properties: CREATED,
  metadef_tags: CREATED,
}

/** Makes a database of that release in the file `path`, with these rows, and says its URL. */
export function makeGlanceDatabase(path: string, release: Release, rows: Rows): string {
  const database = new Libsql(path)
  for (const [table, columns] of Object.entries(SCHEMAS[release])) {
    database.exec(`CREATE TABLE ${table} (${columns})`)
  }
  insertRows(database, VERSIONS[release])
  insertRows(database, rows)
  database.close()
  return `sqlite:///${path}`
}

/** The statements that make the same in another engine, as SQLAlchemy spells it there. */
export function statementsFor(
  engine: 'postgresql' | 'mysql',
  release: Release,
  rows: Rows,
): readonly string[] {
  const tables = Object.entries(SCHEMAS[release]).map(([table, columns]) =>
    engine === 'mysql'
      ? `CREATE TABLE ${table} (${columns.replace(ID, `${ID} AUTO_INCREMENT`)}) ENGINE=InnoDB`
      : `CREATE TABLE ${table} (${columns.replace(ID, 'id SERIAL PRIMARY KEY').replaceAll('DATETIME', 'TIMESTAMP')})`,
  )
  const inserts = [VERSIONS[release], rows].flatMap(rows =>
    Object.entries(rows).flatMap(([table, all]) =>
      all.map(given => {
        const row = { ...DEFAULTS[table], ...given }
        // Text is taken for flags and numbers by both.
        const values = Object.values(row).map(cell =>
          cell === null ? 'NULL' : `'${String(cell)}'`,
        )
        return `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${values.join(', ')})`
      }),
    ),
  )
  return [...tables, ...inserts]
}

/** Adds rows to a database that was made before. */
export function addRows(path: string, rows: Rows): void {
  const database = new Libsql(path)
  insertRows(database, rows)
  database.close()
}

function insertRows(database: Libsql.Database, rows: Rows): void {
  for (const [table, all] of Object.entries(rows)) {
    for (const given of all) {
      const row = { ...DEFAULTS[table], ...given }
      const marks = Object.keys(row).map(() => '?')
      database
        .prepare(
          `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${marks.join(', ')})`,
        )
        .run(Object.values(row))
    }
  }
}
