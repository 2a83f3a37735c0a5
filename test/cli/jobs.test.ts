import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { Stopped } from '../../lib/cli/exit-status.ts'
import { FakeClock } from '../support/clock.ts'
import { startProgram } from '../support/command.ts'
import { startGate } from '../support/gate.ts'
import { startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'

const IMAGES = 'fixtures/images'
const NOWHERE = '127.0.0.1:1'
const MINUTE = 60_000
const HOUR = 60 * MINUTE

t.test('run', async t => {
  t.test('runs a job with its options and those for all', async t => {
    const [one, two] = [await startTestServer(t), await startTestServer(t)]
    const summary = join(t.testdir(), 'summary')
    const config = await write(t, [
      `defaults: { json: true, concurrency: 2, summary-file: ${summary} }`,
      'jobs:',
      `  fill: { command: load, target: '${one.url}', path: ${IMAGES} }`,
      '  nightly:',
      '    command: livecopy',
      `    source: ${one.url}`,
      `    target: ${two.url}`,
      '    source-api: 2',
      '    dry-run: true',
      `  size: { command: size, source: '${two.url}' }`,
    ])
    t.match(await run(['run', 'fill', '--config', config]), { status: 0, stdout: /"created":5/ })
    t.match(JSON.parse(await readFile(summary, 'utf8')), { command: 'load', job: 'fill' })
    t.match(await run(['run', 'nightly', '--config', config]), {
      status: 0,
      stdout: /"dry_run":true/,
    })
    t.match(
      await run(['run', 'size', '--config', config]),
      { status: 0, stdout: /"images":0,/ },
      'options for all that its command has not are none of it',
    )
    t.match(
      await run(['run', '--no-dry-run', 'nightly', '-j', '1', '--no-json', '--config', config]),
      { status: 0, stdout: /^5 images created/ },
      'the command line comes first',
    )
    t.match(await run(['run', 'nightly', '--config', config, '--frobnicate']), {
      status: 2,
      stderr: /unknown option --frobnicate/,
    })
    t.match(await run(['run', 'nightly', '--config', config, '-j', '0']), {
      status: 2,
      stderr: /--concurrency: expected a whole number/,
    })
    t.match(await run(['run', 'weekly', '--config', config]), {
      status: 2,
      stderr: /there is no job 'weekly'; it has fill, nightly, size\n$/,
    })
  })

  t.test('takes clouds for ends, and has its name in metrics and hooks', async t => {
    const metrics = join(t.testdir(), 'glance.prom')
    const config = await write(t, [
      'jobs:',
      '  nightly:',
      '    command: compare',
      '    cloud: one',
      `    metrics-file: ${metrics}`,
      '    on-failure: echo "$GLANCE_REPLICATOR_JOB"',
    ])
    const { status, stderr } = await run(['run', 'nightly', '--config', config], {
      PATH: process.env['PATH'],
      OS_CLIENT_CONFIG_FILE: '/nowhere/clouds.yaml',
    })
    t.equal(status, 2)
    t.match(stderr, /OS_CLIENT_CONFIG_FILE: .*\n--on-failure: nightly\n$/)
    t.match(
      await readFile(metrics, 'utf8'),
      'exit_status{command="compare",job_name="nightly",source="cloud:",target="cloud:"} 2\n',
    )
  })

  t.test('finds its file here, with the user, and says where it looked', async t => {
    const job = (name: string) => `jobs: { ${name}: { command: size, source: 'dir:/' } }`
    const folder = t.testdir({
      here: { 'glance-replicator.yaml': job('here') },
      home: { '.config': { 'glance-replicator': { 'glance-replicator.yaml': job('home') } } },
      xdg: { 'glance-replicator': { 'glance-replicator.yaml': job('xdg') } },
      empty: {},
    })
    const at = async (place: string, environment: Readonly<Record<string, string | undefined>>) => {
      const running = await startProgram(['run', 'none'], {
        folder: join(folder, place),
        environment: { HOME: undefined, XDG_CONFIG_HOME: undefined, ...environment },
      })
      return (await running.outcome).stderr
    }
    const [home, xdg] = [join(folder, 'home'), join(folder, 'xdg')]
    t.match(await at('here', { HOME: home }), /it has here\n/)
    t.match(await at('empty', { HOME: home }), /it has home\n/)
    t.match(await at('empty', { HOME: home, XDG_CONFIG_HOME: xdg }), /it has xdg\n/)
    t.match(
      await at('empty', { XDG_CONFIG_HOME: join(folder, 'empty') }),
      /there is no glance-replicator.yaml in .*, .*empty\/glance-replicator, \/etc\/glance-replicator; name one by --config\n/,
    )
  })
})

t.test('what is wrong with the file is one line, with where it is', async t => {
  const job = (...lines: string[]) => ['jobs:', '  nightly:', ...lines.map(line => `    ${line}`)]
  const size = (...lines: string[]) => job('command: size', 'source: one', ...lines)
  for (const { title, lines, says } of [
    { title: 'nothing', lines: [], says: 'line 1, column 1: the file: jobs is missing' },
    {
      title: 'no settings',
      lines: ['- one'],
      says: 'line 1, column 1: the file: expected settings by name',
    },
    { title: 'bad YAML', lines: ['jobs:', '  a: [', 'b'], says: /line \d, column \d: / },
    {
      title: 'the same key twice',
      lines: [...size('timeout: 1', 'timeout: 2')],
      says: 'line 6, column 5: duplicate key',
    },
    {
      title: 'an unknown key',
      lines: ['job: {}', 'jobs: {}'],
      says: "line 1, column 1: there is no 'job' here; did you mean 'jobs'?",
    },
    {
      title: 'a bad name',
      lines: ['jobs:', '  a b: { command: size }'],
      says: "line 2, column 3: 'a b': expected letters, digits and . _ - for a name",
    },
    {
      title: 'no command',
      lines: job('source: one'),
      says: 'line 2, column 3: nightly: command is missing',
    },
    {
      title: 'a wrong command',
      lines: job('command: serve'),
      says: 'line 3, column 14: command: expected one of compare, livecopy, dump, load, apply, size, verify',
    },
    {
      title: 'an unknown option',
      lines: size('Time_Out: 7'),
      says: "line 5, column 5: there is no 'Time_Out' here; did you mean 'timeout'?",
    },
    {
      title: 'one that is like none',
      lines: size('frobnicate: 7'),
      says: "line 5, column 5: there is no 'frobnicate' here",
    },
    {
      title: 'an option of another command',
      lines: ['defaults: { concurency: 7 }', ...size()],
      says: "line 1, column 13: there is no 'concurency' here; did you mean 'concurrency'?",
    },
    {
      title: 'text for a number',
      lines: size('timeout: soon'),
      says: 'line 5, column 14: timeout: expected a number',
    },
    {
      title: 'text for a yes',
      lines: size('json: yes'),
      says: 'line 5, column 11: json: expected true or false',
    },
    {
      title: 'no value',
      lines: size('log-file:'),
      says: /line 5, column \d+: log-file: expected text/,
    },
    {
      title: 'a number out of its range',
      lines: size('timeout: 0'),
      says: "line 5, column 14: job 'nightly': timeout: expected a whole number from 1 to 86400",
    },
    {
      title: 'such a number for all',
      lines: ['defaults:', '  timeout: 0', ...size()],
      says: /line 2, column 12: job 'nightly': timeout: expected/,
    },
    {
      title: 'a wrong time',
      lines: job('command: dump', 'source: one', 'path: two', 'grace: soon'),
      says: /line 6, column 12: job 'nightly': grace: expected a time/,
    },
    {
      title: 'a missing end',
      lines: job('command: dump', 'source: one'),
      says: "line 2, column 3: job 'nightly': path is missing",
    },
    {
      title: 'several where there is one',
      lines: size('log-file: [one, two]'),
      says: "line 5, column 15: job 'nightly': log-file: give it once",
    },
    {
      title: 'a wrong schedule',
      lines: size('schedule: "61 * * * *"'),
      says: /line 5, column 15: job 'nightly': schedule: expected a cron expression such as '17 2 \* \* \*': /,
    },
    {
      title: 'a wrong time zone',
      lines: size('schedule: "@daily"', 'time-zone: Berlin'),
      says: "line 6, column 16: job 'nightly': time-zone: there is no 'Berlin'; expected one such as Europe/Berlin",
    },
    {
      title: 'a token',
      lines: size('source-token: SECRET'),
      says: 'line 5, column 5: source-token: a token does not belong into this file; name a cloud of clouds.yaml, or a source-token-file',
    },
    {
      title: 'a token for all',
      lines: ['defaults: { token: SECRET }', ...size()],
      says: 'line 1, column 13: token: a token does not belong into this file; name a cloud of clouds.yaml, or a token-file',
    },
    {
      title: 'a password',
      lines: job('command: size', 'source: http://me:SECRET@one'),
      says: 'line 4, column 13: source: credentials do not belong into an address; name a cloud of clouds.yaml',
    },
    {
      title: 'a password without a scheme',
      lines: job('command: size', 'source: me:SECRET@one:9292'),
      says: /^line 4, column 13: source: credentials do not belong/,
    },
    {
      title: 'a password with any character',
      lines: job('command: size', 'source: http://me:p@ss/SECRET@one'),
      says: /^line 4, column 13: source: credentials do not belong/,
    },
    {
      title: 'a protocol that is none of ours',
      lines: job('command: compare', 'source: one', 'target: ftp://two'),
      says: /^line 5, column 13: job 'nightly': target: 'ftp:.*reached by http or https/,
    },
    {
      title: 'a filter that makes no sense',
      lines: size('filter: name==='),
      says: /^line 5, column 13: job 'nightly': filter: /,
    },
    {
      title: 'a lock without a name',
      lines: job('command: compare', 'source: one', 'target: two', "lock: ''"),
      says: "line 6, column 11: job 'nightly': lock: expected the name of a file",
    },
    {
      title: 'standard output for a dump',
      lines: job('command: dump', 'source: one', 'path: "-"'),
      says: 'line 5, column 11: path: a job has no standard input or output; name a file',
    },
    {
      title: 'standard output by its path',
      lines: job('command: dump', 'source: one', 'path: tar:/dev/stdout'),
      says: 'line 5, column 11: path: a job has no standard input or output; name a file',
    },
    {
      title: 'standard input for an option',
      lines: size('images-from: "-"'),
      says: 'line 5, column 18: images-from: a job has no standard input or output; name a file',
    },
    {
      title: 'a schedule that is never due',
      lines: size("schedule: '0 0 30 2 *'"),
      says: "line 5, column 15: job 'nightly': schedule: '0 0 30 2 *' is never due",
    },
    {
      title: 'a single time for a schedule',
      lines: size("schedule: '2030-01-01T00:00:00'"),
      says: /^line 5, column 15: job 'nightly': schedule: expected a cron expression/,
    },
  ]) {
    t.test(title, async t => {
      const config = await write(t, lines)
      const outcome = await run(['run', 'nightly', '--config', config])
      t.match(outcome, { status: 2, stdout: '' })
      const [line = '', rest] = outcome.stderr.split('\n')
      t.equal(rest, '')
      const said = line.replace(`glance-replicator: ${config}: `, '')
      if (typeof says === 'string') t.equal(said, says)
      else t.match(said, says)
      t.notMatch(line, /SECRET/)
    })
  }
  t.match(await run(['run', 'nightly', '--config', '/nowhere/file']), {
    status: 2,
    stderr: /ENOENT.*\/nowhere\/file/,
  })
})

t.test('what is said once may be said of several jobs', async t => {
  const one = await startTestServer(t)
  const config = await write(t, [
    'defaults: &all { timeout: 60 }',
    'jobs:',
    `  one: &one { command: size, source: '${one.url}' }`,
    '  two: { <<: *one, json: true }',
  ])
  t.match(await run(['run', 'two', '--config', config]), { status: 0, stdout: /^\{"images"/ })
})

t.test('daemon', async t => {
  t.test('runs each job when it is due in its time zone, whatever becomes of it', async t => {
    const one = await startTestServer(t)
    const daemon = await startDaemon(t, '2026-03-28T12:00:00Z', [
      'defaults: { time-zone: Europe/Berlin, attempts: 1 }',
      'jobs:',
      `  fails: { command: size, source: '${NOWHERE}', schedule: '30 3 * * *' }`,
      `  works: { command: size, source: '${one.url}', schedule: '0 4 * * *', time-zone: UTC }`,
      `  by-hand: { command: size, source: '${NOWHERE}' }`,
    ])
    t.same(await daemon.rows(2), [
      row('scheduled', 'fails', '2026-03-28T12:00:00.000Z', '2026-03-29T01:30:00.000Z'),
      row('scheduled', 'works', '2026-03-28T12:00:00.000Z', '2026-03-29T04:00:00.000Z'),
    ])
    daemon.clock.advance(13.5 * HOUR)
    t.match(await daemon.rows(2), [
      row('started', 'fails', '2026-03-29T01:30:00.000Z', null),
      {
        ...row('finished', 'fails', '2026-03-29T01:30:00.000Z', '2026-03-30T01:30:00.000Z'),
        exit_status: 3,
        duration: 0,
      },
    ])
    daemon.clock.advance(2.5 * HOUR)
    t.match(await daemon.rows(2), [
      { event: 'started', job: 'works' },
      { event: 'finished', job: 'works', exit_status: 0, next: '2026-03-30T04:00:00.000Z' },
    ])
    t.match(daemon.told(), /^fails: glance-replicator: GET .*: connection refused$/m)
    t.match(daemon.told(), /^works: Total size is 0 bytes \(0.0 B\) across 0 images$/m)
    t.equal(await daemon.stop(), 0)
    t.ok(daemon.clock.isIdle)
  })

  t.test('runs no job beside itself, and other jobs beside it', async t => {
    const [gate, one] = [
      await startGate(t, JSON.stringify({ images: [] })),
      await startTestServer(t),
    ]
    const daemon = await startDaemon(t, '2026-03-01T00:00:00Z', [
      'jobs:',
      `  slow: { command: size, source: '${gate.url}', schedule: '*/10 * * * *' }`,
      `  quick: { command: size, source: '${one.url}', schedule: '25 * * * *' }`,
    ])
    await daemon.rows(2)
    daemon.clock.advance(10 * MINUTE)
    t.match(await daemon.rows(1), [{ event: 'started', job: 'slow' }])
    await gate.reached
    daemon.clock.advance(10 * MINUTE)
    t.match(await daemon.rows(1), [
      { event: 'left_out', job: 'slow', next: '2026-03-01T00:30:00.000Z' },
    ])
    daemon.clock.advance(5 * MINUTE)
    t.match(await daemon.rows(2), [
      { event: 'started', job: 'quick' },
      { event: 'finished', job: 'quick' },
    ])
    gate.open()
    t.match(await daemon.rows(1), [{ event: 'finished', job: 'slow', duration: 15 * 60 }])
    daemon.clock.advance(5 * MINUTE)
    t.match(await daemon.rows(1), [{ event: 'started', job: 'slow' }])
    await daemon.stop()
  })

  t.test('breaks off what runs when it is stopped, and waits for its end', async t => {
    let asked = () => {}
    const reached = new Promise<void>(resolve => (asked = resolve))
    const silent = await startListener(t, () => asked())
    const summary = join(t.testdir(), 'summary')
    const daemon = await startDaemon(t, '2026-03-01T00:00:00Z', [
      'jobs:',
      '  copy:',
      '    command: compare',
      `    source: ${silent}`,
      `    target: ${silent}`,
      `    summary-file: ${summary}`,
      '    schedule: "@hourly"',
    ])
    daemon.clock.advance(HOUR)
    await reached
    t.equal(await daemon.stop(), 0)
    t.match(await daemon.rows(3), [{}, {}, { event: 'finished', exit_status: 143, next: null }])
    t.match(JSON.parse(await readFile(summary, 'utf8')), { job: 'copy', exit_status: 143 })
  })

  t.test('reads its file anew on SIGHUP, and keeps what it has when that is wrong', async t => {
    const one = await startTestServer(t)
    const job = (name: string, schedule: string) => [
      'jobs:',
      `  ${name}: { command: size, source: '${one.url}', schedule: '${schedule}' }`,
    ]
    const daemon = await startDaemon(t, '2026-03-01T00:00:00Z', job('first', '0 5 * * *'))
    await daemon.rows(1)
    await writeFile(daemon.config, 'jobs: 7\n')
    process.emit('SIGHUP')
    await daemon.toldOf(
      /^the jobs stay as they were: .*: line 1, column 7: jobs: expected settings/m,
    )
    await writeFile(daemon.config, job('second', '0 6 * * *').join('\n'))
    process.emit('SIGHUP')
    t.match(await daemon.rows(1), [
      { event: 'scheduled', job: 'second', next: '2026-03-01T06:00:00.000Z' },
    ])
    t.match(daemon.told(), /was read anew: 1 job$/m)
    daemon.clock.advance(6 * HOUR)
    t.match(await daemon.rows(2), [{ event: 'started', job: 'second' }, { exit_status: 0 }])
    await daemon.stop()
  })

  t.test('goes by the clock of its time zone, also in the hour that comes twice', async t => {
    const one = await startTestServer(t)
    const daemon = await startDaemon(t, '2026-10-24T22:30:00Z', [
      'defaults: { time-zone: Europe/Berlin }',
      'jobs:',
      `  hourly: { command: size, source: '${one.url}', schedule: '0 * * * *' }`,
      `  daily: { command: size, source: '${one.url}', schedule: '30 2 * * *' }`,
    ])
    t.match(await daemon.rows(2), [
      { job: 'hourly', next: '2026-10-24T23:00:00.000Z' },
      { job: 'daily', next: '2026-10-25T01:30:00.000Z' },
    ])
    const started: string[] = []
    for (let n = 0; n < 10; n += 1) {
      daemon.clock.advance(30 * MINUTE)
      const time = daemon.clock.now().toISOString().slice(11, 16)
      if (!time.endsWith(':00') && time !== '01:30') continue
      const [row] = await daemon.rows(2)
      started.push(`${(row as { job: string }).job} ${time}`)
    }
    t.same(started, [
      'hourly 23:00',
      'hourly 00:00',
      'hourly 01:00',
      'daily 01:30',
      'hourly 02:00',
      'hourly 03:00',
    ])
    await daemon.stop()
  })

  t.test('notices that the clock was set back', async t => {
    const one = await startTestServer(t)
    const daemon = await startDaemon(t, '2026-03-01T00:00:30Z', [
      `jobs: { often: { command: size, source: '${one.url}', schedule: '*/5 * * * *' } }`,
    ])
    t.match(await daemon.rows(1), [{ event: 'scheduled', next: '2026-03-01T00:05:00.000Z' }])
    daemon.clock.set('2026-02-28T10:00:30Z')
    daemon.clock.advance(MINUTE)
    t.match(await daemon.rows(1), [{ event: 'scheduled', next: '2026-02-28T10:05:00.000Z' }])
    daemon.clock.advance(4 * MINUTE)
    t.match(await daemon.rows(1), [{ event: 'started', job: 'often' }])
    await daemon.rows(1)
    await daemon.stop()
  })

  t.test('refuses a file without a schedule, and one that is wrong', async t => {
    const config = await write(t, ['jobs: { a: { command: size, source: one } }'])
    t.match(await run(['daemon', '--config', config]), {
      status: 2,
      stdout: '',
      stderr: /no job has a schedule, so there is nothing to do\n$/,
    })
    await writeFile(config, 'jobs: { a: { command: sise } }')
    t.match(await run(['daemon', '--config', config]), { status: 2, stderr: /line 1, column 23: / })
  })

  t.test('tells people when what is due, and stops on SIGTERM', async t => {
    const config = await write(t, [
      'jobs: { yearly: { command: size, source: one, schedule: "0 0 1 1 *", time-zone: UTC } }',
    ])
    await using running = await startProgram(['daemon', '--config', config])
    t.match(await running.firstLine(), /^yearly: next at \d{4}-01-01T00:00:00.000Z$/)
    running.kill('SIGTERM')
    t.match(await running.outcome, { status: 0, stdout: /\nstopped\n$/, stderr: '' })
  })
})

t.test('its manual has every key of the file', async t => {
  const manual = await readFile('man/glance-replicator.yaml.5', 'utf8')
  for (const key of [
    'defaults',
    'jobs',
    'command',
    'schedule',
    'time-zone',
    'source',
    'target',
    'path',
  ]) {
    t.match(manual, new RegExp(`^\\.It Li .*\\b${key}\\b`, 'm'), key)
  }
})

/** Writes a configuration, away from the other files of the test. */
async function write(t: Test, lines: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'glance-jobs-'))
  t.teardown(async () => await rm(folder, { recursive: true }))
  const file = join(folder, 'jobs.yaml')
  await writeFile(file, lines.map(line => `${line}\n`).join(''))
  return file
}

function row(event: string, job: string, time: string, next: string | null): object {
  return { event, job, time, next, exit_status: null, duration: null }
}

/** Runs `daemon --json` by a clock that stands still. */
async function startDaemon(t: Test, now: string, lines: readonly string[]) {
  const [clock, stop, stdout, stderr] = [
    new FakeClock(now),
    new AbortController(),
    new Told(),
    new Told(),
  ]
  const config = await write(t, lines)
  const status = run(['daemon', '--json', '--config', config], process.env, {
    clock,
    stdout,
    stderr,
    signal: stop.signal,
  }).then(({ status }) => status)
  await stdout.until(lines => lines.length > 0)
  let taken = 0
  return {
    clock,
    config,
    /** The next so many rows. */
    rows: async (count: number) => {
      await stdout.until(lines => lines.length >= taken + count)
      taken += count
      return stdout.lines.slice(taken - count, taken).map(line => JSON.parse(line) as object)
    },
    told: () => stderr.lines.join('\n'),
    toldOf: async (pattern: RegExp) => await stderr.until(lines => pattern.test(lines.join('\n'))),
    stop: async () => {
      stop.abort(new Stopped('SIGTERM'))
      return await status
    },
  }
}

/** Lines that were written, as they come. */
class Told extends Writable {
  lines: readonly string[] = []
  #text = ''
  #tell = () => {}

  async until(isThere: (lines: readonly string[]) => boolean): Promise<void> {
    while (!isThere(this.lines)) await new Promise<void>(resolve => (this.#tell = resolve))
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#text += chunk.toString()
    this.lines = this.#text.split('\n').slice(0, -1)
    this.#tell()
    done()
  }
}
