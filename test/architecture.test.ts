import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

/**
 * Who may import whom: a folder may import itself and what stands here, nothing else. The first row that a file's path
 * begins with counts. Drivers of one interface never import each other.
 */
const MAY_IMPORT: readonly (readonly [string, readonly string[]])[] = [
  ['errors.ts', []],
  ['abort.ts', []],
  ['attempts.ts', ['errors.ts', 'abort.ts']],
  ['module.ts', ['errors.ts']],
  ['nearest.ts', []],
  ['writer.ts', []],
  ['image/', ['errors.ts']],
  ['format/', ['errors.ts']],
  ['wire/', ['errors.ts', 'image/']],
  ['stream/', ['errors.ts', 'abort.ts', 'image/']],
  ['filter/', ['errors.ts', 'image/', 'wire/iso-time.ts']],
  ['http/', ['errors.ts', 'abort.ts', 'stream/']],
  ['keystone/', ['errors.ts', 'abort.ts', 'attempts.ts', 'http/']],
  [
    'endpoint/',
    [
      'errors.ts',
      'abort.ts',
      'attempts.ts',
      'writer.ts',
      'image/',
      'wire/',
      'stream/',
      'http/',
      'keystone/',
    ],
  ],
  [
    'replicate/',
    [
      'errors.ts',
      'abort.ts',
      'attempts.ts',
      'image/',
      'wire/attributes.ts',
      'wire/attribute-text.ts',
      'wire/loss.ts',
      'wire/v2-image.ts',
      'filter/',
      'stream/',
      'endpoint/endpoint.ts',
    ],
  ],
  [
    'store/',
    ['errors.ts', 'abort.ts', 'attempts.ts', 'module.ts', 'stream/', 'http/', 'keystone/'],
  ],
  ['database/', ['errors.ts', 'abort.ts', 'module.ts', 'image/']],
  [
    'server/domain/',
    [
      'errors.ts',
      'abort.ts',
      'image/',
      'format/',
      'stream/',
      'store/store.ts',
      'database/database.ts',
      'server/policy/',
      'server/quota/',
    ],
  ],
  ['server/policy/', ['errors.ts', 'server/oslo-config.ts']],
  ['server/quota/', ['errors.ts', 'abort.ts', 'stream/', 'database/database.ts']],
  [
    'server/http/',
    [
      'errors.ts',
      'abort.ts',
      'stream/',
      'server/domain/',
      'server/policy/policy-source.ts',
      'server/auth/authenticate.ts',
    ],
  ],
  ['server/auth/', ['errors.ts', 'server/domain/', 'keystone/']],
  [
    'server/import/',
    [
      'errors.ts',
      'abort.ts',
      'image/',
      'format/',
      'stream/',
      'store/store.ts',
      'database/database.ts',
      'server/domain/',
      'server/quota/',
    ],
  ],
  ['server/tasks/', ['errors.ts', 'abort.ts', 'server/domain/']],
  ['server/cache/cache-index.ts', ['errors.ts', 'database/sqlite.ts', 'server/cache/cache.ts']],
  [
    'server/cache/',
    [
      'errors.ts',
      'abort.ts',
      'writer.ts',
      'image/',
      'stream/',
      'store/store.ts',
      'store/file-reader.ts',
      'server/domain/',
      'server/policy/defaults.ts',
    ],
  ],
  [
    'server/v1/',
    [
      'errors.ts',
      'image/',
      'wire/',
      'database/database.ts',
      'server/domain/',
      'server/http/',
      'server/import/',
      'server/cache/',
    ],
  ],
  [
    'server/v2/',
    [
      'errors.ts',
      'image/',
      'wire/',
      'stream/',
      'store/store.ts',
      'database/database.ts',
      'server/domain/',
      'server/http/',
      'server/import/',
      'server/cache/',
    ],
  ],
  [
    'server/resumable/',
    [
      'errors.ts',
      'image/json.ts',
      'wire/repr-digest.ts',
      'wire/resumable-upload.ts',
      'stream/',
      'store/file-errors.ts',
      'store/folder.ts',
      'server/config.ts',
      'server/domain/',
      'server/http/',
      'server/v2/images.ts',
      'server/v2/stores.ts',
    ],
  ],
  ['server/healthcheck.ts', []],
  ['server/versions.ts', ['errors.ts', 'server/http/', 'server/healthcheck.ts']],
  ['server/oslo-config.ts', ['errors.ts']],
  ['server/option-values.ts', ['errors.ts']],
  ['server/database-config.ts', ['database/settings.ts']],
  ['server/identity-settings.ts', ['server/option-values.ts']],
  [
    'server/options/',
    [
      'errors.ts',
      'nearest.ts',
      'image/',
      'http/uri-filter.ts',
      'server/config.ts',
      'server/database-config.ts',
      'server/identity-settings.ts',
      'server/import-settings.ts',
      'server/option-values.ts',
      'server/oslo-config.ts',
      'server/policy/property-protection.ts',
      'server/policy/remote-settings.ts',
      'server/store-settings.ts',
    ],
  ],
  [
    'server/open-keystone.ts',
    [
      'errors.ts',
      'http/connections.ts',
      'http/tls.ts',
      'keystone/',
      'server/config.ts',
      'server/identity-settings.ts',
      'server/auth/',
      'server/quota/',
    ],
  ],
  [
    'server/store-settings.ts',
    [
      'errors.ts',
      'store/open.ts',
      'server/oslo-config.ts',
      'server/option-values.ts',
      'server/options/',
    ],
  ],
  [
    'server/store-configs.ts',
    ['errors.ts', 'store/open.ts', 'server/config.ts', 'server/store-settings.ts'],
  ],
  ['server/import-settings.ts', ['image/import.ts', 'http/uri-filter.ts']],
  [
    'server/config.ts',
    [
      'image/',
      'server/database-config.ts',
      'server/options/read.ts',
      'server/oslo-config.ts',
      'server/store-settings.ts',
      'server/import-settings.ts',
      'server/identity-settings.ts',
      'server/policy/property-protection.ts',
      'server/policy/remote-settings.ts',
    ],
  ],
  ['server/ready-database.ts', ['errors.ts', 'abort.ts', 'database/database.ts']],
  ['server/tls.ts', ['errors.ts', 'http/tls.ts', 'server/config.ts']],
  ['server/image-schema.ts', ['errors.ts', 'image/', 'wire/', 'server/config.ts']],
  [
    'server/check-config.ts',
    ['errors.ts', 'database/connection.ts', 'database/open.ts', 'store/open.ts', 'server/'],
  ],
  ['server/remote-policy.ts', ['errors.ts', 'http/', 'server/policy/']],
  ['server/fetcher.ts', ['errors.ts', 'http/', 'stream/', 'server/import/importer.ts']],
  [
    'server/open-stores.ts',
    [
      'errors.ts',
      'store/',
      'server/config.ts',
      'server/open-keystone.ts',
      'server/store-configs.ts',
      'server/domain/',
      'server/cache/',
    ],
  ],
  [
    'server/exclusive.ts',
    [
      'errors.ts',
      'server/config.ts',
      'server/store-configs.ts',
      'store/folder.ts',
      'store/open.ts',
      'database/lock.ts',
      'database/open.ts',
    ],
  ],
  [
    'server/assembly/',
    [
      'errors.ts',
      'wire/schema/image-schema.ts',
      'wire/repr-digest.ts',
      'wire/resumable-upload.ts',
      'server/',
      'store/store.ts',
      'database/open.ts',
      'database/settings.ts',
      'database/database.ts',
    ],
  ],
  [
    'server/workers/',
    ['errors.ts', 'database/settings.ts', 'database/database.ts', 'image/', 'server/'],
  ],
  [
    'server/metrics/',
    [
      'errors.ts',
      'database/database.ts',
      'store/store.ts',
      'server/assembly/address.ts',
      'server/cache/cache.ts',
      'server/config.ts',
      'server/http/exchange.ts',
    ],
  ],
  ['server/start.ts', ['database/settings.ts', 'server/']],
  [
    'compliance/',
    [
      'errors.ts',
      'abort.ts',
      'image/',
      'stream/',
      'wire/attributes.ts',
      'database/database.ts',
      'database/usage.ts',
      'endpoint/endpoint.ts',
      'store/store.ts',
    ],
  ],
  ['cli/', ['']],
  ['index.ts', ['']],
]

/** Lines in a file, at most. */
const LONGEST = 400

/** Drivers, and what they share. */
const DRIVERS: readonly RegExp[] = [
  /^endpoint\/(glance-v1|glance-v2|directory|archive|memory)/,
  /^store\/(filesystem|memory|http|s3\/|rbd\/)/,
  /^database\/(simple|sqlite|postgres|mysql)/,
]

const files = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter(name =>
  name.endsWith('.ts'),
)

t.test('each file imports only what its folder may', t => {
  for (const file of files) {
    const row = MAY_IMPORT.find(([prefix]) => file.startsWith(prefix))
    t.ok(row, `${file} has a place in the architecture`)
    if (row === undefined) continue
    const [own, others] = row
    const allowed = own.endsWith('/') ? [own, ...others] : others
    for (const target of importsOf(file)) {
      if (target === 'cli/' || (target.startsWith('cli/') && !file.startsWith('cli/'))) {
        t.fail(`lib/${file} imports lib/${target}: nobody but bin imports cli`)
      }
      const may = allowed.some(prefix => target.startsWith(prefix))
      if (!may) t.fail(`lib/${file} imports lib/${target}, which lib/${own} may not`)
    }
  }
  t.end()
})

t.test('drivers do not import each other', t => {
  for (const file of files) {
    for (const pattern of DRIVERS) {
      const driver = pattern.exec(file)?.[1]
      if (driver === undefined) continue
      for (const target of importsOf(file)) {
        const other = pattern.exec(target)?.[1]
        t.ok(other === undefined || other === driver, `lib/${file} may not import lib/${target}`)
      }
    }
  }
  t.end()
})

t.test('only what is the door of a package exports again what others export', t => {
  for (const file of files) {
    if (file === 'index.ts' || file === 'compliance/index.ts') continue
    t.notMatch(readFileSync(join('lib', file), 'utf8'), /^export .* from /m, `lib/${file}`)
  }
  t.end()
})

t.test(
  'only alterImage, which knows the legal changes of status, changes the rows of images',
  t => {
    for (const file of files) {
      if (!file.startsWith('server/') || file === 'server/domain/alter.ts') continue
      t.notMatch(readFileSync(join('lib', file), 'utf8'), /\bimages\s*\.update\(/, `lib/${file}`)
    }
    t.end()
  },
)

t.test(`no file is longer than ${LONGEST} lines`, t => {
  for (const folder of ['lib', 'bin']) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue
      const lines = readFileSync(join(folder, name), 'utf8').split('\n').length - 1
      if (lines > LONGEST) t.fail(`${folder}/${name} has ${lines} lines`)
    }
  }
  t.end()
})

/** Folders of test/ that are no process of `npm test`: what tests share, examples, and what needs real parts. */
const NO_PROCESS = ['behaviour', 'examples', 'real', 'support']

t.test('each folder of tests is one process, which runs all of its files', t => {
  for (const entry of readdirSync('test', { withFileTypes: true })) {
    const { name } = entry
    if (!entry.isDirectory() || NO_PROCESS.includes(name)) continue
    const process = readFileSync(`test/${name}.test.ts`, 'utf8')
    const run = [...process.matchAll(/^import '\.\/(.+)'$/gm)].map(([, file]) => file)
    const files = readdirSync(`test/${name}`).map(file => `${name}/${file}`)
    t.strictSame(run, files.toSorted(), `test/${name}.test.ts imports all of test/${name}/`)
  }
  t.end()
})

/** The files of lib/ that a file imports, by paths from lib/. */
function importsOf(file: string): string[] {
  const text = readFileSync(join('lib', file), 'utf8')
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(match =>
    normalize(join(dirname(file), match[1] ?? '')),
  )
}
