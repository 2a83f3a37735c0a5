import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isGlanceError } from '../../lib/errors.ts'
import { completeConfig, examineConfig, readConfig } from '../../lib/server/config.ts'
import { completeSettings } from '../../lib/database/settings.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { DATABASE_OPTIONS } from '../../lib/server/options/database-options.ts'
import { IMAGE_OPTIONS } from '../../lib/server/options/image-options.ts'
import { IMPORT_OPTIONS } from '../../lib/server/options/import-options.ts'
import { keysOf, type Option } from '../../lib/server/options/option.ts'
import { POLICY_OPTIONS } from '../../lib/server/options/policy-options.ts'
import { SERVICE_OPTIONS } from '../../lib/server/options/service-options.ts'
import { STORE_OPTIONS } from '../../lib/server/options/store-options.ts'
import { OPTION_TABLES } from '../../lib/server/options/tables.ts'
import { STORE_TYPES } from '../../lib/store/open.ts'
import { SETTINGS_PAGE, withSettings } from '../support/settings-page.ts'
import { run } from '../support/program.ts'

/** Writes files of settings into a folder of this test, and says where they are. */
function written(t: Test, ...texts: readonly string[]): readonly string[] {
  const folder = t.testdir()
  return texts.map((text, i) => {
    const path = join(folder, `${i}.conf`)
    writeFileSync(path, text)
    return path
  })
}

/** All that is wrong with a file, without its name. */
async function faultsOf(t: Test, text: string): Promise<readonly string[]> {
  const { faults } = await examineConfig(written(t, text))
  return faults.map(({ line, message }) => `${line}: ${message}`)
}

t.test('settings stand in the form of oslo.config', async t => {
  for (const { title, text, is } of [
    {
      title: 'names of options are their values',
      text: 'admin_role = boss\ndata_dir = /srv/$admin_role/${admin_role}s',
      is: { adminRole: 'boss', dataDir: '/srv/boss/bosss' },
    },
    {
      title: 'also of options that are not set',
      text: 'data_dir = /srv/$hashing_algorithm',
      is: { dataDir: '/srv/sha512' },
    },
    {
      title: 'an option that has no value is nothing',
      text: 'data_dir = /srv/x$public_endpoint',
      is: { dataDir: '/srv/x' },
    },
    {
      title: 'of the same section first, and then of DEFAULT',
      text: 'admin_role = boss\n[keystone_authtoken]\nusername = u\npassword = $username-$admin_role',
      is: { adminRole: 'boss', keystone: { username: 'u', password: 'u-boss' } },
    },
    {
      title: 'or of the section that is named',
      text: 'admin_role = ${keystone_authtoken.username}/$keystone_authtoken.username\n[keystone_authtoken]\nusername = u',
      is: { adminRole: 'u/u', keystone: { username: 'u' } },
    },
    {
      title: 'through other names',
      text: 'admin_role = $data_dir\ndata_dir = /$hashing_algorithm\nhashing_algorithm = md5',
      is: { adminRole: '/md5', dataDir: '/md5', hashingAlgorithm: 'md5' },
    },
    {
      title: 'two dollar signs, or one behind a backslash, are a dollar sign',
      text: 'admin_role = $$a\\$admin_role$',
      is: { adminRole: '$a$admin_role$' },
    },
    {
      title: 'an indented line goes on with a value, comment or not',
      text: '[import_filtering_opts]\nallowed_hosts = a,\n  # b,\n\tc',
      is: {
        imports: {
          ...DEFAULT_IMPORTS,
          filter: { ...DEFAULT_IMPORTS.filter, allowedHosts: ['a', '# b', 'c'] },
        },
      },
    },
    {
      title: 'quotes around a value are none of it, and one alone is an empty value',
      text: 'admin_role = "a b"\npublic_endpoint = "',
      is: { adminRole: 'a b' },
    },
    {
      title: 'an item of a list in quotes may have commas',
      text: '[image_format]\ndisk_formats = [\'a,b\', c, "d"]',
      is: { diskFormats: ['a,b', 'c', 'd'] },
    },
    {
      title: 'pairs are at the first colon, and a key may have commas',
      text: '[inject_metadata_properties]\ninject = a:b:c, d,e : f',
      is: {
        imports: {
          ...DEFAULT_IMPORTS,
          inject: {
            ...DEFAULT_IMPORTS.inject,
            properties: new Map([
              ['a', 'b:c'],
              ['d,e', 'f'],
            ]),
          },
        },
      },
    },
    {
      title: 'sections are the same in any case, and options in none but their own',
      text: '[Keystone_AuthToken]\nusername = u',
      is: { keystone: { username: 'u' } },
    },
    {
      title: 'names with hyphens are those of keystoneauth',
      text: '[keystone_authtoken]\nuser-name = u\nauth-url = http://k',
      is: { keystone: { username: 'u', authUrl: 'http://k' } },
    },
    {
      title: 'of two names of an option in one file the one of today counts',
      text: 'sql_connection = sqlite:///b\n[database]\nconnection = sqlite:///a\n[DEFAULT]\nsql_connection = sqlite:///c',
      is: { connection: 'sqlite:///a' },
    },
    { title: 'an option that is set to nothing is not set', text: 'ca_file =\nworkers =', is: {} },
    { title: 'numbers may have a sign', text: 'workers = +2', is: { workers: 2 } },
    {
      title: 'every line of an option that may be there several times counts',
      text: '[oslo_policy]\npolicy_dirs = /a\npolicy_dirs = /b',
      is: { policyDirs: ['/a', '/b'] },
    },
    {
      title: 'a byte order mark is no text',
      text: '\uFEFF[DEFAULT]\r\nworkers = 1\r\n',
      is: { workers: 1 },
    },
  ]) {
    t.test(title, async t => t.strictSame(await readConfig(written(t, text)), is))
  }

  t.test('of several files the later one comes first, for each option', async t => {
    const paths = written(
      t,
      'workers = 1\nadmin_role = a\n[oslo_policy]\npolicy_dirs = /a',
      'admin_role = b\ndata_dir = /$workers\n[oslo_policy]\npolicy_dirs = /b',
    )
    t.strictSame(await readConfig(paths), {
      workers: 1,
      adminRole: 'b',
      dataDir: '/1',
      policyDirs: ['/a', '/b'],
    })
  })
})

t.test('what is wrong is told all at once', async t => {
  t.test('with lines, and what was likely meant', async t => {
    const text = `[DEFAULT]
bind_prot = 1
workers = many
nonsense
  that goes on
[glance_store]
stores = file,tape
filesystem_store_datadri = /x
[open
[keystone_authtoken]
auth_type = pw-in-the-wrong-place
`
    t.strictSame(await faultsOf(t, text), [
      '2: [DEFAULT] bind_prot: there is no such option; did you mean bind_port?',
      "3: [DEFAULT] workers: expected a whole number from 0 to 1000, found 'many'",
      "4: 'nonsense' has to be 'option = value'",
      "7: [glance_store] stores: expected file, http, memory, swift, s3, rbd or the path of a module, found 'tape'",
      '8: [glance_store] filesystem_store_datadri: there is no such option; did you mean filesystem_store_datadir?',
      '9: [open is no section: it has to be [name]',
      '11: [keystone_authtoken] auth_type: expected password or v3password or v3applicationcredential',
    ])
  })

  for (const { title, text, fault } of [
    {
      title: 'an option of another section',
      text: 'connection = sqlite://',
      fault:
        '1: [DEFAULT] connection: there is no such option; did you mean [database] connection?',
    },
    {
      title: 'a section that there is not',
      text: '[databse]\nconnection = sqlite://',
      fault:
        '2: [databse] connection: there is no such option; did you mean [database] connection?',
    },
    {
      title: 'what is like nothing',
      text: '[zzz]\nyyyyyy = 1',
      fault: '2: [zzz] yyyyyy: there is no such option',
    },
    {
      title: 'a name that there is not',
      text: 'data_dir = /$nothing/x',
      fault: "1: [DEFAULT] data_dir: '$nothing' names no option; a dollar sign is written as $$",
    },
    {
      title: 'of a secret without what is behind its dollar sign',
      text: '[database]\nconnection = mysql://u:a$b@h/d',
      fault:
        "2: [database] connection: a '$' in it names no option; a dollar sign is written as $$",
    },
    {
      title: 'a value that stands for itself',
      text: 'data_dir = /x/$data_dir',
      fault: '1: [DEFAULT] data_dir: it stands for itself',
    },
    {
      title: 'a secret that was put into a number is not shown',
      text: 'workers = $keystone_authtoken.password\n[keystone_authtoken]\npassword = pw',
      fault: '1: [DEFAULT] workers: expected a whole number from 0 to 1000',
    },
    {
      title: 'a key that is there twice',
      text: '[inject_metadata_properties]\ninject = a:1,a:2',
      fault:
        "2: [inject_metadata_properties] inject: expected key:value,key:value, with a once, found 'a:1,a:2'",
    },
  ]) {
    t.test(title, async t => t.strictSame(await faultsOf(t, text), [fault]))
  }

  t.test('a file that is not there beside those that are wrong', async t => {
    const paths = [...written(t, 'x = 1'), '/nowhere/glance-api.conf']
    const error: unknown = await readConfig(paths).catch((error: unknown) => error)
    t.ok(isGlanceError(error, 'usage'))
    t.match(String(error), /0\.conf, line 1: .*\n\/nowhere\/glance-api\.conf: cannot be read/)
  })
})

t.test("what of Glance's there is not here", async t => {
  t.test('is ignored where it changes nothing, and told once', async t => {
    const notices: string[] = []
    const text = `rabbit_host = a
debug = true
rabbit_port = 1
[oslo_messaging_notifications]
driver = noop
[cors]
allowed_origin = *
`
    const paths = written(t, text)
    t.strictSame(await readConfig(paths, notice => notices.push(notice)), {})
    t.strictSame(
      notices.map(notice => notice.replace(paths[0] ?? '', 'conf')),
      [
        'conf: ignored, since notifications are not sent: [DEFAULT] rabbit_host (line 1), [DEFAULT] rabbit_port (line 3), [oslo_messaging_notifications] driver (line 5)',
        'conf: ignored, since what is told goes where the command line says: [DEFAULT] debug (line 2)',
        'conf: ignored, since browsers of other sites are not let in: [cors] allowed_origin (line 7)',
      ],
    )
  })

  for (const text of [
    'metadata_encryption_key = 0123456789abcdef',
    'allow_additional_image_properties = false',
    '[database]\nconnection_parameters = ssl_ca=/x',
    '[keystone_authtoken]\nauth_section = other',
    '[keystone_authtoken]\nenforce_token_bind = strict',
    '[ssl]\ncert_file = /x',
    '[key_manager]\nbackend = barbican',
    '[barbican]\nbarbican_endpoint = http://x',
  ]) {
    t.test(`is refused where that is not safe: ${text.replace('\n', ' ')}`, async t => {
      t.match(await faultsOf(t, text), [/: cannot be ignored: /])
    })
  }

  for (const text of [
    'allow_additional_image_properties = True',
    '[keystone_authtoken]\nenforce_token_bind = permissive',
  ]) {
    t.test(`is ignored with a value that changes nothing: ${text.replace('\n', ' ')}`, async t => {
      t.strictSame(await faultsOf(t, text), [])
    })
  }
})

t.test('the tables of options', async t => {
  t.test('have the defaults that count', t => {
    const config = completeConfig({})
    const check = <T>(options: readonly Option<T>[], complete: T) => {
      for (const option of options) {
        if (option.default === null) continue
        const set = option.set(option.default, process.cwd(), complete)
        for (const [key, value] of Object.entries(set)) {
          const standard = (complete as Record<string, unknown>)[key] // Each key is one of T.
          if (key === 'dataDir') t.equal(value, join(process.cwd(), String(standard)))
          else t.strictSame(value, standard, `[${option.section}] ${option.name}`)
        }
      }
    }
    check([...SERVICE_OPTIONS, ...IMAGE_OPTIONS, ...POLICY_OPTIONS], config)
    check(IMPORT_OPTIONS, DEFAULT_IMPORTS)
    check(DATABASE_OPTIONS, { ...config, ...completeSettings({}) })
    t.end()
  })

  t.test('have every option of a store, and no other', t => {
    for (const [type, { options }] of Object.entries(STORE_TYPES)) {
      const told = STORE_OPTIONS[type] ?? []
      t.strictSame(told.map(({ name }) => name).toSorted(), [...options].toSorted(), type)
    }
    t.end()
  })

  t.test('have no name twice', t => {
    const keys = OPTION_TABLES.flatMap(({ options }) => options.flatMap(keysOf))
    t.strictSame(
      keys.filter((key, i) => keys.indexOf(key) !== i),
      [],
    )
    t.end()
  })

  t.test('are what the manual says', t => {
    const page = readFileSync(SETTINGS_PAGE, 'utf8')
    t.equal(page, withSettings(page), 'node scripts/settings-page.mjs writes it anew')
    t.end()
  })
})

t.test('serve --check-config', async t => {
  t.test('ends with 0 when nothing is wrong', async t => {
    const [path = ''] = written(t, '[DEFAULT]\nworkers = 1\n')
    t.match(await run(['serve', '--check-config', '--config', path]), {
      status: 0,
      stdout: 'nothing is wrong with the settings\n',
    })
  })

  t.test('ends with 2 and tells all that is, of the files that are named as well', async t => {
    const folder = t.testdir({ 'rules.json': '{"a": "role:"', key: 'no key' })
    const path = join(folder, 'glance-api.conf')
    const text = `[DEFAULT]
wrokers = 1
cert_file = ${folder}/nothing
key_file = ${folder}/key
use_keystone_limits = true
[paste_deploy]
flavor = keystone
[database]
connection = oracle://user:pw@host/db
[glance_store]
stores = file,s3
[oslo_policy]
policy_file = rules.json
`
    writeFileSync(path, text)
    const { status, stdout } = await run(['serve', '--check-config', '--config', path])
    t.equal(status, 2)
    const lines = stdout.trimEnd().split('\n')
    t.match(lines, [
      /line 2: \[DEFAULT\] wrokers: .*did you mean workers\?/,
      /cert_file.*nothing/,
      /connection: there is no engine 'oracle'/,
      /s3_store_host: an S3 store needs it/,
      /\[keystone_authtoken\] auth_url has to be set/,
      /\[oslo_limit\] endpoint_id has to be set/,
      /rules\.json/,
    ])
    t.equal(lines.length, 7)
    t.notMatch(stdout, 'pw')
    const said = await run(['serve', '--check-config', '--config', path, '--json'])
    t.strictSame(JSON.parse(said.stdout), { settings: [], faults: lines })
  })
})

t.test('serve --check-config misses no database', async t => {
  const [path = ''] = written(t, 'data_api = postgresql\n')
  t.match(await run(['serve', '--check-config', '--config', path]), {
    status: 2,
    stdout: /data_api is postgresql, so \[database\] connection has to say/,
  })
})

t.test('serve --check-config misses no driver that there is not', async t => {
  const [path = ''] = written(t, 'data_api = foo\n')
  t.match(await run(['serve', '--check-config', '--config', path]), {
    status: 2,
    stdout: /^data_api foo: expected simple, sqlite, postgresql, mysql or a module/,
  })
})

t.test('serve --check-config tells of one port for clients and metrics', async t => {
  for (const { text, isWrong } of [
    { text: 'bind_port = 81\nmetrics_bind_port = 81', isWrong: true },
    { text: 'bind_host = 0.0.0.0\nmetrics_bind_port = 9292', isWrong: true },
    { text: 'bind_host = 127.0.0.2\nmetrics_bind_port = 9292', isWrong: false },
    { text: 'bind_port = 0\nmetrics_bind_port = 0', isWrong: false },
  ]) {
    const [path = ''] = written(t, text)
    const { status, stdout } = await run(['serve', '--check-config', '--config', path])
    t.equal(status, isWrong ? 2 : 0, text)
    if (isWrong) t.match(stdout, /^metrics_bind_port is \d+, .* another than bind_port\n$/)
  }
})

t.test('a file that cannot be read is told with the option and line that names it', async t => {
  const text =
    'property_protection_file = none.conf\nimage_schema_file = /\n[oslo_policy]\npolicy_file = none.yaml\n'
  const [path = ''] = written(t, text)
  const said = [
    `${path}, line 1: [DEFAULT] property_protection_file: `,
    `${path}, line 2: [DEFAULT] image_schema_file: / cannot be read: it is a folder`,
    `${path}, line 4: [oslo_policy] policy_file: `,
  ]
  for (const words of [['--check-config'], ['--port', '0', '--data-dir', `${path}.data`]]) {
    const { status, stdout, stderr } = await run(['serve', '--config', path, ...words])
    t.equal(status, 2)
    for (const line of said) t.match(stdout + stderr, line)
    t.equal((stdout + stderr).split('cannot be read').length, 4, 'and each once')
  }
  t.notOk(existsSync(`${path}.data`))
  t.equal((await run(['serve', '--print-config', '--config', path])).status, 0)
})

t.test('values that name others come to no end', async t => {
  const chain = (levels: number, times: number) =>
    Array.from({ length: levels }, (_, i) => `[a${i}]\nx = ${`$a${i + 1}.x`.repeat(times)}\n`)
      .concat(`[a${levels}]\nx = abcdefghij\n[DEFAULT]\ndata_dir = $a0.x`)
      .join('')
  t.match((await faultsOf(t, chain(11, 10))).join('\n'), /data_dir: .* too long; 65536 characters/)
  t.match((await faultsOf(t, chain(200, 1))).join('\n'), /data_dir: .*, 100 deep at most/)
  t.notMatch((await faultsOf(t, chain(90, 1))).join('\n'), /data_dir/)
})

t.test('a configuration of any length is read in its time', async t => {
  const long = 3_000_000
  t.match(await faultsOf(t, `${'a'.repeat(long)} = 1\nb${' '.repeat(long)}c\nwrokers = 1`), [
    /there is no such option$/,
    /'b …' has to be/,
    /did you mean workers/,
  ])
})

t.test('a line that makes no sense is told without what may be a secret', async t => {
  const [fault = ''] = await faultsOf(t, '[database]\npassword hush\n')
  t.match(fault, /'password …' has to be/)
  t.notMatch(fault, 'hush')
})

t.test('serve --check-config tells of each store why it would take no data', async t => {
  const folder = t.testdir({ mounts: '{"id": 1}', accounts: '[two]\nuser = a:b\n' })
  const path = join(folder, 'glance-api.conf')
  const stores: Readonly<Record<string, string>> = {
    'a:file': `filesystem_store_datadir = ${folder}/a\nfilesystem_store_metadata_file = ${folder}/mounts`,
    'b:http': 'http_proxy_information = socks:somewhere',
    'c:http': `https_ca_certificates_file = ${folder}/nothing`,
    'd:swift': 'swift_store_user = a:b',
    'e:swift': `swift_store_config_file = ${folder}/nothing`,
    'f:swift': `swift_store_config_file = ${folder}/accounts`,
    'g:s3': `s3_store_host = h\ns3_store_access_key = a\ns3_store_secret_key = hush\ns3_store_bucket = b\ns3_store_cacert = ${folder}/nothing`,
    'h:rbd': `rbd_store_ceph_conf = ${folder}/nothing`,
    'i:file': `filesystem_store_datadir = ${folder}/i`,
  }
  const sections = Object.entries(stores).map(([name, text]) => `[${name.split(':')[0]}]\n${text}`)
  const general = `[DEFAULT]\nenabled_backends = ${Object.keys(stores).join(', ')}\n[glance_store]\ndefault_backend = i`
  writeFileSync(path, [general, ...sections].join('\n'))
  const { status, stdout } = await run(['serve', '--check-config', '--config', path])
  t.equal(status, 2)
  t.match(stdout.trimEnd().split('\n'), [
    /^store a: filesystem_store_metadata_file: /,
    /^store b: http_proxy_information: /,
    /^store c: https_ca_certificates_file: /,
    /^store d: swift_store_auth_address, swift_store_user and swift_store_key have to be set/,
    /^store e: swift_store_config_file: /,
    /^store f: .*accounts: \[two\] auth_address: has to be set/,
    /^store g: s3_store_cacert: /,
    /^store h: rbd_store_ceph_conf: /,
  ])
  t.equal(stdout.trimEnd().split('\n').length, 8)
  t.notOk(existsSync(join(folder, 'i')), 'and makes nothing')
  t.notMatch(stdout, 'hush')
})

t.test('serve --print-config', async t => {
  const print = async (t: Test, words: readonly string[], text: string) => {
    const [path = ''] = written(t, text)
    const said = await run(['serve', '--print-config', '--json', '--config', path, ...words])
    t.equal(said.status, 0, said.stderr)
    const { settings } = JSON.parse(said.stdout) as { settings: Record<string, unknown>[] }
    const of = (section: string, option: string) =>
      settings.find(setting => setting['section'] === section && setting['option'] === option)
    return { path, of, stdout: said.stdout }
  }

  t.test('says of every setting what it is and where it was set', async t => {
    const text = '[DEFAULT]\nworkers = 2\ndata_dir = /a\nimage_cache_dir = $data_dir/cache\n'
    const { path, of } = await print(t, ['--port', '80', '--data-dir', '/b'], text)
    const places = { file: null, line: null }
    t.match(of('DEFAULT', 'workers'), {
      value: '2',
      default: '0',
      source: 'file',
      file: path,
      line: 2,
    })
    t.match(of('DEFAULT', 'image_size_cap'), { source: 'default', unit: 'bytes', ...places })
    t.match(of('DEFAULT', 'bind_port'), { value: '80', source: 'command line', ...places })
    t.match(of('DEFAULT', 'data_dir'), { value: '/b', source: 'command line', ...places })
    t.match(of('DEFAULT', 'cert_file'), { value: null, default: null, source: 'default' })
    const said = await run(['serve', '--print-config', '--config', path])
    t.match(said.stdout, `[DEFAULT] workers = 2 (${path}, line 2)\n`)
    t.match(said.stdout, '[DEFAULT] cert_file is not set\n')
  })

  t.test('also of each store with a name', async t => {
    const text = `[DEFAULT]
enabled_backends = One:file,two:s3
[glance_store]
default_backend = One
[one]
filesystem_store_datadirs = /a:1
filesystem_store_datadirs = /b
[two]
s3_store_secret_key = pw-of-s3
`
    const { of, stdout } = await print(t, [], text)
    t.match(of('One', 'filesystem_store_datadirs'), { value: '/a:1\n/b', line: 7 })
    t.match(of('two', 's3_store_secret_key'), { value: '***', line: 9 })
    t.match(of('two', 's3_store_thread_pools'), { value: '10', source: 'default' })
    t.equal(of('glance_store', 's3_store_thread_pools'), undefined)
    t.notMatch(stdout, 'pw-of')
  })

  t.test('without secrets, wherever they were put', async t => {
    const text = `[DEFAULT]
admin_role = $keystone_authtoken.password
[keystone_authtoken]
password = pw-of-keystone
application_credential_secret = pw-of-app
[database]
connection = mysql://glance:pw-of-db@db/glance
`
    const { of, stdout } = await print(t, [], text)
    t.notMatch(stdout, 'pw-of')
    t.match(of('DEFAULT', 'admin_role'), { value: '***' })
    t.match(of('database', 'connection'), { value: 'mysql://glance:***@db/glance' })
  })

  for (const [title, connection, shown] of [
    [
      'behind a question mark',
      'postgresql://me@db/glance?password=pw-of-db',
      'postgresql://***@db/glance?***',
    ],
    ['also without a user', 'postgresql://db/glance?password=pw-of@db', '***'],
    [
      'which a file has none of',
      'sqlite:////var/lib/glance.sqlite',
      'sqlite:////var/lib/glance.sqlite',
    ],
  ] as const) {
    t.test(`nor those in a connection ${title}`, async t => {
      const { of, stdout } = await print(t, [], `[database]\nconnection = ${connection}\n`)
      t.notMatch(stdout, 'pw-of')
      t.match(of('database', 'connection'), { value: shown })
    })
  }

  t.test('nor those in URLs of other settings', async t => {
    const text = `[DEFAULT]
public_endpoint = http://here/\${keystone_authtoken.password}
[keystone_authtoken]
password = pw-of-keystone
auth_url = http://me:pw-of-me@keystone/v3
`
    const { of, stdout } = await print(t, [], text)
    t.notMatch(stdout, 'pw-of')
    t.match(of('keystone_authtoken', 'auth_url'), { value: 'http://me:***@keystone/v3' })
  })

  t.test('and refuses what is wrong', async t => {
    const [path = ''] = written(t, 'x = 1\ny = 2')
    t.match(await run(['serve', '--print-config', '--config', path]), {
      status: 2,
      stderr: /line 1: .*\n.*line 2: /,
    })
  })
})

t.test('the files that --config and --config-dir name', async t => {
  t.test('count in this order: files, and then folders by the names in them', async t => {
    const folder = t.testdir({
      'a.conf': '[DEFAULT]\nworkers = 1\nadmin_role = a',
      d: {
        '10.conf': 'workers = 10',
        '9.conf': 'workers = 9',
        'x.conf.bak': 'wrong',
        '.x.conf': 'x',
      },
      'b.conf': '[DEFAULT]\nworkers = 2\nadmin_role = b',
    })
    const files = ['--config', join(folder, 'a.conf'), '--config-file', join(folder, 'b.conf')]
    const words = ['serve', '--print-config', '--config-dir', join(folder, 'd'), ...files]
    const { stdout } = await run(words)
    t.match(stdout, `workers = 9 (${join(folder, 'd', '9.conf')}, line 1)`)
    t.match(stdout, `admin_role = b (${join(folder, 'b.conf')}, line 3)`)
  })

  t.test('are the same for the commands that look after the service', async t => {
    const folder = t.testdir({ 'a.conf': '', d: {} })
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'd', 'data.conf'), `data_dir = ${join(folder, 'data')}`)
    const files = ['--config', join(folder, 'a.conf'), '--config-dir', join(folder, 'd')]
    t.match(await run(['db', 'sync', ...files]), { status: 0 })
    t.ok(readFileSync(join(folder, 'data', 'glance.sqlite')).length > 0)
  })

  t.test('have to be there', async t => {
    t.match(await run(['serve', '--check-config', '--config-dir', '/nowhere']), {
      status: 2,
      stderr: /--config-dir: \/nowhere cannot be read/,
    })
    t.match(await run(['serve', '--check-config', '--config', '/nowhere']), {
      status: 2,
      stdout: /^\/nowhere: cannot be read/,
    })
  })

  t.test('and an address or a folder without a name is told', async t => {
    for (const option of ['--host', '--data-dir']) {
      t.match(await run(['serve', '--check-config', option, '']), {
        status: 2,
        stderr: new RegExp(`${option}: expected an? `),
      })
    }
  })
})
