import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { Place } from '../../lib/keystone/cloud-files.ts'
import { cloudNamed, parseCloudName } from '../../lib/keystone/clouds.ts'
import { variablesFor } from '../../lib/keystone/environment.ts'

/** A place with these files: the current directory is `here`, the home `home`. */
async function placeWith(
  t: Test,
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<Place> {
  const root = t.testdir()
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
  const resolved = Object.entries(environment).map(
    ([name, value]) => [name, value.replace('ROOT', root)] as const,
  )
  return {
    folder: join(root, 'here'),
    environment: {
      HOME: join(root, 'home'),
      XDG_CONFIG_DIRS: join(root, 'site'),
      ...Object.fromEntries(resolved),
    },
  }
}

/** What is known of the cloud `one`. */
async function one(place: Place, region?: string) {
  const { auth, settings, ...told } = await cloudNamed({ name: 'one', region }, place)
  return { ...told, auth: Object.fromEntries(auth), settings: Object.fromEntries(settings) }
}

t.test('where clouds.yaml is found', async t => {
  const saying = (who: string) => `clouds: {one: {auth: {username: ${who}}}}`
  const files = {
    'named.yaml': saying('named'),
    'here/clouds.yaml': saying('here'),
    'here/clouds.yml': saying('never'),
    'xdg/openstack/clouds.yml': saying('xdg'),
    'home/.config/openstack/clouds.json': '{"clouds": {"one": {"auth": {"username": "home"}}}}',
    'site/openstack/clouds.yaml': saying('site'),
  }
  const XDG = { XDG_CONFIG_HOME: 'ROOT/xdg' }
  for (const { title, environment, without = [], found } of [
    {
      title: 'the file that OS_CLIENT_CONFIG_FILE names comes first',
      environment: { OS_CLIENT_CONFIG_FILE: 'ROOT/named.yaml' },
      found: 'named',
    },
    { title: 'then the current directory', environment: XDG, found: 'here' },
    {
      title: 'then the directory of XDG_CONFIG_HOME, .yml as well',
      environment: XDG,
      without: ['here/'],
      found: 'xdg',
    },
    {
      title: 'then ~/.config/openstack, JSON as well',
      environment: {},
      without: ['here/'],
      found: 'home',
    },
    {
      title: 'then those of XDG_CONFIG_DIRS',
      environment: {},
      without: ['here/', 'home/'],
      found: 'site',
    },
  ]) {
    t.test(title, async t => {
      const left = Object.entries(files).filter(
        ([name]) => !without.some(folder => name.startsWith(folder)),
      )
      const place = await placeWith(t, Object.fromEntries(left), environment)
      t.match(await one(place), { auth: { username: found } })
    })
  }
})

t.test('what is said of a cloud is merged', async t => {
  const PUBLIC = `
public-clouds:
  vendor:
    auth: {auth_url: 'https://{region_name}.vendor.example/v3', user_domain_name: Vendors}
    regions: [north, south]
    image_api_version: 2
`
  for (const { title, files, region, is } of [
    {
      title: 'secure.yaml over clouds.yaml',
      files: {
        'here/clouds.yaml': 'clouds: {one: {auth: {username: u, password: old}, region_name: R}}',
        'here/secure.yaml': 'clouds: {one: {auth: {password: secret}}}',
      },
      is: { auth: { username: 'u', password: 'secret' }, settings: { region_name: 'R' } },
    },
    {
      title: 'the cloud over its profile, of which the first region counts',
      files: {
        'here/clouds.yaml':
          'clouds: {one: {profile: vendor, auth: {username: u, user_domain_name: D}}}',
        'home/.config/openstack/clouds-public.yaml': PUBLIC,
      },
      is: {
        auth: {
          username: 'u',
          user_domain_name: 'D',
          auth_url: 'https://north.vendor.example/v3',
        },
        settings: { region_name: 'north', image_api_version: '2' },
      },
    },
    {
      title: 'a region that is asked for, and the old word for a profile',
      files: {
        'here/clouds.yaml': 'clouds: {one: {cloud: vendor}}',
        'here/clouds-public.yaml': PUBLIC,
      },
      region: 'south',
      is: { auth: { auth_url: 'https://south.vendor.example/v3' } },
    },
    {
      title: 'the values of a region over the cloud',
      files: {
        'here/clouds.yaml': `
clouds:
  one:
    auth: {username: u, password: p}
    interface: public
    regions:
      - A
      - {name: B, values: {interface: internal, auth: {password: of-b}, cacert: null}}
    cacert: /ca
`,
      },
      region: 'B',
      is: {
        auth: { username: 'u', password: 'of-b' },
        settings: { region_name: 'B', interface: 'internal', cacert: '/ca' },
      },
    },
    {
      title: 'a region_name that lists several is the first of them',
      files: { 'here/clouds.yaml': 'clouds: {one: {region_name: "A,B"}}' },
      is: { settings: { region_name: 'A' } },
    },
    {
      title: 'names with - and of old',
      files: {
        'here/clouds.yaml': `
clouds:
  one:
    auth: {auth-url: 'http://k', user-name: u, tenant-name: t}
    auth_plugin: password
    endpoint_type: internalURL
    image_endpoint_type: admin
`,
      },
      is: {
        auth: { auth_url: 'http://k', username: 'u', project_name: 't' },
        settings: { auth_type: 'password', interface: 'internalURL', image_interface: 'admin' },
      },
    },
    {
      title: 'a domain that is said once is that of user and project',
      files: {
        'here/clouds.yaml':
          'clouds: {one: {auth: {username: u, project_name: p, domain_name: D, user_domain_name: U}}}',
      },
      is: { auth: { user_domain_name: 'U', project_domain_name: 'D', domain_name: undefined } },
    },
    {
      title: 'a domain without a project is what the token is for',
      files: { 'here/clouds.yaml': 'clouds: {one: {auth: {username: u}, domain_id: D}}' },
      is: { auth: { domain_id: 'D', user_domain_id: undefined } },
    },
    {
      title: 'credentials beside auth, which comes before them but for a passcode',
      files: {
        'here/clouds.yaml':
          'clouds: {one: {auth: {username: u, passcode: 1}, username: v, passcode: 1234}}',
      },
      is: { auth: { username: 'u', passcode: '1234' } },
    },
    {
      title: 'YAML as PyYAML reads it: the last of two equal keys, merges, and dates as text',
      files: {
        'here/clouds.yaml': `
base: &base {auth_url: 'http://k', password: 2020-01-01}
clouds: {one: {auth: {<<: *base, username: u, username: v, project_id: 12345678901234567890}, verify: no}}
`,
      },
      is: {
        auth: {
          auth_url: 'http://k',
          password: '2020-01-01',
          username: 'v',
          project_id: '12345678901234567890',
        },
        settings: { verify: 'false' },
      },
    },
  ] as const) {
    t.test(title, async t => {
      const found = await one(await placeWith(t, files), region)
      t.match(found, is)
    })
  }
})

t.test('what is wrong is told with the file, the cloud and the setting', async t => {
  const CLOUDS = 'clouds: {one: {regions: [A, B]}, two: {}, far: {profile: "https://v.example"}}'
  for (const { title, files, name, region, environment, message } of [
    {
      title: 'no file at all',
      files: {},
      message: /^cloud 'one': there is no clouds.yaml in .*\/here, .*home\/\.config\/openstack/,
    },
    {
      title: 'a file that was named and is not there',
      files: { 'here/clouds.yaml': CLOUDS },
      environment: { OS_CLIENT_CONFIG_FILE: 'ROOT/none.yaml' },
      message: /^OS_CLIENT_CONFIG_FILE: ENOENT.*none\.yaml/,
    },
    {
      title: 'an unknown cloud',
      files: { 'here/clouds.yaml': CLOUDS },
      name: 'oen',
      message:
        /^cloud 'oen' in .*here\/clouds\.yaml: there is no such cloud; it has one, two, far$/,
    },
    {
      title: 'an unknown region',
      files: { 'here/clouds.yaml': CLOUDS },
      region: 'C',
      message: /^cloud 'one' in .*: no region 'C' there; it names A, B$/,
    },
    {
      title: 'an unknown profile',
      files: { 'here/clouds.yaml': 'clouds: {one: {profile: vexxhost}}' },
      message: /no profile 'vexxhost': there is no clouds-public.yaml/,
    },
    {
      title: 'a profile at a URL',
      files: { 'here/clouds.yaml': CLOUDS },
      name: 'far',
      message: /^cloud 'far' in .*: its profile is at a URL, which is not supported/,
    },
    {
      title: 'a file that is not YAML, whose secrets are not shown',
      files: { 'here/clouds.yaml': 'clouds:\n  one:\n    password: "hunter2\n  x: [' },
      message: /^(?!.*hunter2).*clouds\.yaml: line \d+, column \d+: /,
    },
    {
      title: 'a file that holds no settings',
      files: { 'here/clouds.yaml': '- clouds' },
      message: /clouds\.yaml: expected settings by name/,
    },
    {
      title: 'an entry of regions without a name',
      files: { 'here/clouds.yaml': 'clouds: {one: {regions: [{values: {}}]}}' },
      message: /an entry of regions has a name/,
    },
  ] as const) {
    t.test(title, async t => {
      const at = await placeWith(t, files, environment)
      const asked = cloudNamed({ name: name ?? 'one', region }, at)
      await t.rejects(asked, { code: 'usage', message })
    })
  }
})

t.test('a cloud is named with or without its region', async t => {
  t.strictSame(parseCloudName('one'), { name: 'one', region: undefined })
  t.strictSame(parseCloudName('one/RegionTwo'), { name: 'one', region: 'RegionTwo' })
  t.strictSame(parseCloudName('a/b/R'), { name: 'a/b', region: 'R' })
  t.strictSame(parseCloudName(''), { name: '', region: undefined })
})

t.test('what the environment says for a side', async t => {
  const COMMON = { OS_AUTH_URL: 'http://k', OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_LOG_X: 'l' }
  for (const { title, environment, side, is } of [
    {
      title: 'OS_* is for either side',
      environment: { ...COMMON, OS_TENANT_NAME: 't', OS_PROJECT_ID: '' },
      side: 'target',
      is: { isComplete: true, auth: { username: 'u', project_name: 't', project_id: undefined } },
    },
    {
      title: "a side's own variables come before them",
      environment: { ...COMMON, OS_SOURCE_REGION_NAME: 'A', OS_TARGET_REGION_NAME: 'B' },
      side: 'source',
      is: { auth: { username: 'u' }, settings: { region_name: 'A' } },
    },
    {
      title: 'a side with an identity service of its own takes nothing of the others',
      environment: { ...COMMON, OS_SOURCE_AUTH_URL: 'http://other', OS_TARGET_USERNAME: 'x' },
      side: 'source',
      is: { isComplete: true, auth: { auth_url: 'http://other', password: undefined } },
    },
    {
      title: 'a cloud of its own leaves a common token out',
      environment: { OS_TOKEN: 'abc', OS_SOURCE_CLOUD: 'one', OS_SOURCE_REGION_NAME: 'R' },
      side: 'source',
      is: { token: undefined, cloud: { name: 'one', region: 'R' }, isComplete: false },
    },
    {
      title: 'the sole side is that of OS_* or the source',
      environment: { OS_SOURCE_CLOUD: 'one', OS_TARGET_CLOUD: 'two' },
      side: 'sole',
      is: { cloud: { name: 'one' } },
    },
    {
      title: 'or else the target',
      environment: { OS_TARGET_AUTH_TOKEN: 'abc' },
      side: 'sole',
      is: { token: 'abc' },
    },
  ] as const) {
    t.test(title, async t => {
      const { config, ...rest } = variablesFor(side, environment)
      const { auth, settings } = config
      t.match(
        { ...rest, auth: Object.fromEntries(auth), settings: Object.fromEntries(settings) },
        is,
      )
    })
  }
  t.test('a password for a cloud of clouds.yaml is not that of another cloud', async t => {
    const alone = variablesFor('source', { OS_PASSWORD: 'p' })
    t.equal(alone.secret('password'), 'p')
    t.equal(variablesFor('source', COMMON).secret('password'), undefined)
    const own = variablesFor('source', { ...COMMON, OS_SOURCE_PASSWORD: 'q' })
    t.equal(own.secret('password'), 'q')
  })
})
