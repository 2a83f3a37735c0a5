import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { examineConfig } from '../../lib/server/config.ts'
import { boolean, integer, list, map } from '../../lib/server/option-values.ts'
import { keysOf, type OptionDoc } from '../../lib/server/options/option.ts'
import { OPTION_TABLES } from '../../lib/server/options/tables.ts'
import { runCommand } from '../support/command.ts'
import { DEBIAN_PYTHON } from './support/python.ts'

const SCRIPT = fileURLToPath(new URL('../../../test/real/support/oslo.py', import.meta.url))

/** What files set, by `section.option`: a value, null for none, or that it is wrong. Null for files that are no settings. */
type Read = Readonly<Record<string, string | null | { readonly error: true }>> | null

/** An option of Glance's. */
interface Theirs {
  readonly section: string
  readonly name: string
  readonly default: string | null
}

/** Every option of Debian's Glance, and what oslo.config makes of each of these lists of files. */
async function ask(
  cases: readonly (readonly string[])[],
): Promise<{ readonly options: readonly Theirs[]; readonly read: readonly Read[] }> {
  const words = [SCRIPT, JSON.stringify(cases)]
  const said = await runCommand('/usr/bin/python3', words, { environment: DEBIAN_PYTHON })
  if (said.status !== 0) throw new Error(said.stderr)
  return JSON.parse(said.stdout) as Awaited<ReturnType<typeof ask>> // As the script writes it.
}

/** The same of ours. What oslo.config takes no note of, and ours refuses, is left out. */
async function ours(files: readonly string[]): Promise<Read> {
  const { effective, faults } = await examineConfig(files)
  const isKnown = ({ message }: { message: string }) => !message.includes('there is no such option')
  const wrong = faults.filter(isKnown).map(({ message }) => /^\[(.*)\] (.*?): /.exec(message))
  if (wrong.includes(null)) return null
  const refused = wrong.map(found => `${found?.[1]}.${found?.[2]}`)
  const set = effective
    .filter(({ place }) => place !== null)
    .map(({ option, section, value }) => [`${section}.${option.name}`, option, value] as const)
    .filter(([key]) => !refused.includes(key))
    .map(([key, option, value]) => [key, canonical(option, value)] as const)
  return Object.fromEntries([...set, ...refused.map(key => [key, { error: true }] as const)])
}

/** A value as the script writes it. */
function canonical({ type, isMultiple }: OptionDoc, value: string | null): string | null {
  if (value === null) return null
  if (isMultiple === true) return value.replaceAll('\n', ',')
  switch (type) {
    case 'boolean':
      return String(boolean(value))
    case 'whole number':
      return String(integer(value, -Infinity, Infinity))
    case 'list':
      return list(value).join(',')
    case 'pairs':
      return [...map(value)]
        .map(pair => pair.join(':'))
        .toSorted()
        .join(',')
    case 'text':
    case 'file':
    case 'folder':
    case 'URL':
    case 'size':
      return value
  }
}

/** Files, and what of them is otherwise here. */
const FILES: readonly {
  readonly title: string
  readonly text: string
  readonly only?: Read
  readonly because?: string
}[] = [
  { title: 'sections and options', text: '[DEFAULT]\nworkers = 3\n[database]\nmax_pool_size: 7' },
  { title: 'the last of several', text: '[DEFAULT]\nworkers = 3\nworkers = 4' },
  {
    title: 'several of one that may be',
    text: '[oslo_policy]\npolicy_dirs = /a\npolicy_dirs = /b',
  },
  {
    title: 'comments at the beginning of a line',
    text: '# a\n[DEFAULT]\n; b\npublic_endpoint = http://a/#b;c',
  },
  { title: 'comments that are none', text: '[DEFAULT]\npublic_endpoint = http://a/ # b\n  # c' },
  {
    title: 'continuation lines',
    text: '[DEFAULT]\ndata = x\n[image_format]\ndisk_formats = raw,\n  qcow2,\n\tiso',
  },
  { title: 'a blank line ends them', text: '[DEFAULT]\nimage_cache_dir = /a\n\n  /b' },
  {
    title: 'quotes',
    text: '[DEFAULT]\nimage_cache_dir = " /a "\npublic_endpoint = \'http://x\'',
  },
  {
    title: 'quotes that do not match',
    text: '[DEFAULT]\nimage_cache_dir = "/a\'\nproperty_protection_file = a"b"',
  },
  { title: 'one quote', text: '[keystone_authtoken]\npassword = "a\nusername = a"' },
  {
    title: 'colons and equals signs in values',
    text: '[keystone_authtoken]\npassword = a=b:c\nusername: a:b=c',
  },
  {
    title: 'sections in any case',
    text: '[Keystone_AuthToken]\nusername = u\n[DATABASE]\nmax_retries = 1',
  },
  {
    title: 'names of keystoneauth',
    text: '[keystone_authtoken]\nuser-name = u\nauth_plugin = password',
  },
  {
    title: 'names of earlier releases',
    text: '[DEFAULT]\nsql_connection = sqlite:///a\ncontainer_formats = bare\ntask_time_to_live = 3\n[DATABASE]\nreconnect_interval = 4',
  },
  {
    title: 'a name of today comes before one of before',
    text: '[database]\nconnection = sqlite:///a\n[DEFAULT]\nsql_connection = sqlite:///b',
  },
  {
    title: 'booleans',
    text: '[DEFAULT]\ndelayed_delete = YES\nshow_image_direct_url = 0\nshow_multiple_locations = Off\nallow_anonymous_access = on',
  },
  {
    title: 'booleans that are none',
    text: '[DEFAULT]\ndelayed_delete = t\nshow_image_direct_url = 2',
  },
  { title: 'numbers', text: '[DEFAULT]\nworkers = +3\nscrub_time = 007\nimage_tag_quota = -1' },
  {
    title: 'numbers that are none',
    text: '[DEFAULT]\nworkers = 3.0\nscrub_time = 1e3\nbind_port = 65536',
  },
  { title: 'lists', text: '[image_format]\ndisk_formats = raw , qcow2,\ncontainer_formats =' },
  {
    title: 'lists with quotes in brackets',
    text: '[DEFAULT]\nenabled_import_methods = [\'glance-direct\', "web-download" ]',
  },
  { title: 'pairs', text: '[inject_metadata_properties]\ninject = a : b:c, d,e:f' },
  { title: 'pairs that are none', text: '[inject_metadata_properties]\ninject = a:b,c' },
  { title: 'pairs with a key twice', text: '[inject_metadata_properties]\ninject = a:b,a:c' },
  { title: 'pairs without a key', text: '[inject_metadata_properties]\ninject = :b' },
  {
    title: 'names of options',
    text: '[DEFAULT]\nworkers = 4\nscrub_time = $workers\nbind_port = ${workers}2\nimage_cache_dir = /x$workers/$hashing_algorithm',
  },
  {
    title: 'of the same section first',
    text: '[DEFAULT]\nimage_cache_dir = x\n[keystone_authtoken]\nusername = u\npassword = $username/$image_cache_dir',
  },
  {
    title: 'of the same section, though it is not set there',
    text: '[DEFAULT]\nworkers = 1\n[keystone_authtoken]\npassword = x$username',
  },
  {
    title: 'of other sections',
    text: '[DEFAULT]\nimage_cache_dir = /${keystone_authtoken.username}/$database.max_pool_size\n[keystone_authtoken]\nusername = u',
  },
  {
    title: 'of names of names',
    text: '[DEFAULT]\nimage_cache_dir = $property_protection_file\nproperty_protection_file = $hashing_algorithm\nhashing_algorithm = md5',
  },
  {
    title: 'names with a dot behind them',
    text: '[DEFAULT]\nimage_cache_dir = $workers.d\nworkers = 2',
  },
  { title: 'names that there are not', text: '[DEFAULT]\nimage_cache_dir = $nothing' },
  { title: 'names in upper case', text: '[DEFAULT]\nimage_cache_dir = $WORKERS' },
  {
    title: 'a value that stands for itself',
    text: '[DEFAULT]\nimage_cache_dir = $image_cache_dir',
  },
  { title: 'dollar signs', text: '[keystone_authtoken]\npassword = a$$b\\$c$ $1 ${ $' },
  { title: 'a section that is not closed', text: '[DEFAULT' },
  { title: 'a line that says nothing', text: '[DEFAULT]\nworkers' },
  { title: 'a value without a name', text: '[DEFAULT]\n= 3' },
  { title: 'an indented line at the beginning', text: '[DEFAULT]\n workers = 1' },
  {
    title: 'options before any section',
    text: 'workers = 3',
    only: { 'DEFAULT.workers': '3' },
    because: 'they are of DEFAULT here',
  },
  {
    title: 'an item of an unquoted list in brackets',
    text: '[image_format]\ndisk_formats = [raw]',
    only: { 'image_format.disk_formats': 'raw' },
    because: 'oslo.config takes brackets of most lists for a part of an item',
  },
  {
    title: 'empty items',
    text: '[image_format]\ndisk_formats = raw,,iso',
    only: { 'image_format.disk_formats': 'raw,iso' },
    because: 'no list here has a use for them',
  },
  {
    title: 'numbers with underscores',
    text: '[DEFAULT]\nworkers = 1_0',
    only: { 'DEFAULT.workers': { error: true } },
    because: 'nobody but Python writes them',
  },
  {
    title: 'options that are set to nothing',
    text: '[DEFAULT]\nimage_cache_dir =\nworkers =',
    only: {},
    because: 'here they are not set, there they are nothing: Glance takes both for not set',
  },
]

t.test('files mean what they mean to oslo.config', async t => {
  const folder = t.testdir()
  const cases = FILES.map(({ text }, i) => {
    const path = join(folder, `${i}.conf`)
    writeFileSync(path, text)
    return [path]
  })
  const several = [
    '[DEFAULT]\nworkers = 1\nscrub_time = 1\n[oslo_policy]\npolicy_dirs = /a\n[database]\nconnection = sqlite:///a',
    '[DEFAULT]\nworkers = 2\nimage_cache_dir = /$scrub_time\nsql_connection = sqlite:///b\n[oslo_policy]\npolicy_dirs = /b',
  ].map((text, i) => {
    const path = join(folder, `several-${i}.conf`)
    writeFileSync(path, text)
    return path
  })
  const { read } = await ask([...cases, several])
  for (const [i, { title, only, because = '' }] of FILES.entries()) {
    const mine = await ours(cases[i] ?? [])
    if (only === undefined) t.strictSame(mine, read[i], title)
    else {
      t.strictSame(mine, only, `${title}: ${because}`)
      t.notSame(read[i], only, `${title} are not the same to both`)
    }
  }
  t.strictSame(await ours(several), read.at(-1), 'several files')
})

/** Defaults that are not Glance's, and why. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'DEFAULT.bind_host': 'nobody else is to reach a service without authentication',
  'DEFAULT.bind_port': 'Glance has 9292 elsewhere',
  'DEFAULT.node_staging_uri': 'it is in the data directory, not in /tmp',
  'DEFAULT.workers': 'Glance starts as many as there are processors',
  'glance_store.filesystem_store_datadir': 'it is in the data directory',
  'glance_store.https_insecure': 'certificates are checked unless somebody says that they are not',
  'glance_store.filesystem_store_chunk_size': 'larger pieces are faster',
  'database.pool_timeout': 'SQLAlchemy has 30 elsewhere',
  'keystone_authtoken.auth_type': 'Glance demands that it is set',
  'keystone_authtoken.http_connect_timeout': 'nothing is waited for without end',
  'oslo_limit.timeout': 'nothing is waited for without end',
  'oslo_policy.policy_file': 'no file is read that nobody names',
  'oslo_policy.policy_dirs': 'no file is read that nobody names',
  'oslo_policy.policy_default_rule': 'a rule that there is not is an error',
  'oslo_policy.remote_ssl_verify_server_crt': 'a server that anybody can pass for decides nothing',
}

t.test('the defaults are those of Glance, or differ for a reason', async t => {
  const theirs = (await ask([])).options
  const options = OPTION_TABLES.flatMap(({ options }) => options)
  const same = options.flatMap(option => {
    const [key = ''] = keysOf(option)
    const found = theirs.find(({ section, name }) => `${section}.${name}` === key)
    return found === undefined
      ? []
      : [{ key, ours: canonical(option, option.default), theirs: found.default }]
  })
  t.ok(same.length > 100, `${same.length} options have the same name`)
  for (const { key, ours, theirs } of same) {
    const isSame = ours === theirs || ((ours ?? '') === '' && (theirs ?? '') === '')
    t.equal(isSame, OTHERWISE[key] === undefined, `${key} is ${ours}, Glance's ${theirs}`)
  }
})

t.test('no option of Glance is unknown', async t => {
  const theirs = (await ask([])).options
  const path = join(t.testdir(), 'glance-api.conf')
  const text = theirs.map(
    option => `[${option.section}]\n${option.name} = ${option.default ?? ''}\n`,
  )
  writeFileSync(path, text.join('').replaceAll('$', '$$$$'))
  const { faults } = await examineConfig([path])
  t.strictSame(
    faults.map(({ message }) => message).filter(message => message.includes('no such option')),
    [],
  )
})

t.test("Debian's own configuration is one of ours", async t => {
  const path = '/etc/glance/glance-api.conf'
  t.ok(existsSync(path))
  t.strictSame((await examineConfig([path])).faults, [])
})
