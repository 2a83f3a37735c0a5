import { existsSync } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Stopped } from '../../lib/cli/exit-status.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { FakeClock } from '../support/clock.ts'
import { programWords, runCommand, startProgram } from '../support/command.ts'
import { bytesOf, idOf, imageOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'

const IMAGES = 'fixtures/images'
const NOWHERE = '127.0.0.1:1'
const NOW = '2026-03-01T02:00:00.000Z'
const HOUR = 3_600_000

t.test('--lock', async t => {
  t.test('lets one run at a time, and says who has it', async t => {
    const { url, moving, release } = await slowCloud(t)
    const folder = t.testdir({ dump: {}, other: {} })
    const [lock, summary] = [join(folder, 'lock'), join(folder, 'summary')]
    await using first = await startProgram(['dump', '--lock', lock, url, join(folder, 'dump')])
    await moving()
    const words = ['--lock', lock, '--summary-file', summary, '--on-failure', `touch ${summary}`]
    t.match(await run(['dump', ...words, url, join(folder, 'other')]), {
      status: 75,
      stdout: '',
      stderr: `glance-replicator: --lock ${lock}: another run has it (process ${first.pid})\n`,
    })
    t.notOk(existsSync(summary), 'and what was not begun tells nothing')
    t.match(JSON.parse((await run(['compare', '--json', '--lock', lock, url, url])).stdout), {
      images: [],
      error: { code: 'busy' },
    })
    first.kill('SIGKILL')
    await first.outcome
    release()
    const words2 = ['dump', '--lock', lock, url, join(folder, 'other')]
    t.match(await run(words2), { status: 0 }, 'it ends with the process that had it')
    t.match(await run(words2), { status: 0 }, 'and with the run')
    t.same((await readdir(folder)).toSorted(), ['dump', 'lock', 'other'])
  })

  t.test('holds also where nothing can be written', async t => {
    const folder = t.testdir({ 'lock.pid': {} })
    const one = await startTestServer(t)
    const words = ['compare', '--lock', join(folder, 'lock'), one.url, one.url]
    t.match(await run(words), { status: 0 })
    t.match(await run(words), { status: 0 })
  })

  t.test('is no file that holds anything', async t => {
    const folder = t.testdir({ notes: 'do not touch\n'.repeat(100) })
    const file = join(folder, 'notes')
    t.match(await run(['compare', '--lock', file, NOWHERE, NOWHERE]), {
      status: 2,
      stderr: `glance-replicator: --lock ${file}: it is not empty, and no lock\n`,
    })
    t.equal(await readFile(file, 'utf8'), 'do not touch\n'.repeat(100))
    t.match(await run(['compare', '--lock', '/nowhere/lock', NOWHERE, NOWHERE]), {
      status: 2,
      stderr: 'glance-replicator: --lock /nowhere/lock: it cannot be opened\n',
    })
  })
})

t.test('--max-duration', async t => {
  t.test('begins no image after it, lets those under way end, and has its own status', async t => {
    const clock = new FakeClock(NOW)
    const { url, moving, release } = await slowCloud(t, 3)
    const folder = t.testdir({ dump: {} })
    const [dump, summary] = [join(folder, 'dump'), join(folder, 'summary')]
    const hooks = ['--on-success', 'echo success', '--on-failure', 'echo failure']
    const words = ['-j', '1', '--max-duration', '1h30m', '--summary-file', summary, ...hooks]
    const running = run(['dump', ...words, url, dump], process.env, { clock })
    await moving()
    clock.advance(1.5 * HOUR)
    release()
    t.match(await running, {
      status: 10,
      stdout:
        '1 image created (8.0 MiB), 0 updated, 0 the same, 0 failed\n' +
        '--max-duration is over: what is left is for the next run\n',
      stderr: `${idOf(0)} (image 0): created, 8.0 MiB\n`,
    })
    t.ok(clock.isIdle)
    t.match(await json(summary), {
      cut_short: true,
      exit_status: 10,
      result: 'incomplete',
      duration: 5400,
    })
    t.match(await run(['dump', ...words, url, dump], process.env), {
      status: 0,
      stdout: /^2 images created .* 1 the same/,
      stderr: /^--on-success: success$/m,
    })
    t.match(await json(summary), { cut_short: false, exit_status: 0 })
  })

  for (const { title, grace, ms } of [
    { title: 'breaks off what goes on ten minutes later', grace: [], ms: 600_000 },
    { title: 'breaks off what goes on after --grace', grace: ['--grace', '90'], ms: 90_000 },
  ]) {
    t.test(title, async t => {
      const clock = new FakeClock(NOW)
      const { url, moving } = await slowCloud(t, 3)
      const words = ['dump', '-j', '1', '--max-duration', '1h', ...grace, url, t.testdir()]
      const running = run(words, {}, { clock })
      await moving()
      await clock.waitedFor(HOUR + ms)
      clock.advance(HOUR + ms)
      t.match(await running, {
        status: 10,
        stdout: /^0 images created .* 1 interrupted, 0 failed\n--max-duration is over/,
        stderr: `${idOf(0)} (image 0): interrupted\n`,
      })
    })
  }

  t.test('that is over while nothing could be begun is told so', async t => {
    const clock = new FakeClock(NOW)
    let asked = () => {}
    const reached = new Promise<void>(resolve => (asked = resolve))
    const silent = await startListener(t, () => asked())
    const words = ['dump', '--json', '--max-duration', '1h', silent, t.testdir()]
    const running = run(words, {}, { clock })
    await reached
    clock.advance(2 * HOUR)
    const { status, stdout, stderr } = await running
    t.equal(status, 10)
    t.match(JSON.parse(stdout), { images: [], error: { code: 'time_over' } })
    t.equal(stderr, 'glance-replicator: --max-duration is over\n')
  })

  t.test('counts failures before it', async t => {
    const clock = new FakeClock(NOW)
    const { url, moving, release } = await slowCloud(t, 3, 'broken')
    const words = ['-j', '1', '--attempts', '1', '--max-duration', '1h']
    const running = run(['dump', ...words, url, t.testdir()], {}, { clock })
    await moving()
    clock.advance(HOUR)
    release()
    t.match(await running, { status: 1, stdout: / 1 failed\n--max-duration is over/ })
  })
})

t.test('--summary-file', async t => {
  t.test('has what --json adds up, and what failed', async t => {
    const [one, clock] = [await startTestServer(t), new FakeClock(NOW)]
    const folder = t.testdir({ dump: {} })
    await run(['load', one.url, IMAGES])
    const file = join(folder, 'summary')
    const words = ['dump', '--summary-file', file, one.url, join(folder, 'dump')]
    t.match(await run(words, {}, { clock }), { status: 0 })
    t.match(await json(file), {
      command: 'dump',
      job: null,
      source: one.url,
      path: join(folder, 'dump'),
      result: 'success',
      exit_status: 0,
      started_at: NOW,
      finished_at: NOW,
      duration: 0,
      totals: { created: 5, failed: 0, bytes: 53_248 },
      error: null,
      failed_images: [],
    })
    await writeFile(join(folder, 'dump', idOf(9)), '{')
    const two = await startTestServer(t)
    t.match(await run(['load', '--summary-file', file, two.url, join(folder, 'dump')]), {
      status: 1,
    })
    t.match(await json(file), {
      result: 'failure',
      exit_status: 1,
      totals: { created: 5, failed: 1 },
      failed_images: [{ id: idOf(9), name: null, error: { code: /./, message: /JSON/ } }],
    })
    t.same((await readdir(folder)).toSorted(), ['dump', 'summary'], 'and nothing half-written')
  })

  t.test('is there after a failure and after an interruption', async t => {
    const folder = t.testdir({ dump: {} })
    const file = join(folder, 'summary')
    const withPassword = `http://me:secret@${NOWHERE}`
    t.match(await run(['compare', '--summary-file', file, NOWHERE, NOWHERE]), { status: 3 })
    t.match(await json(file), { exit_status: 3, error: { code: 'unreachable' } })
    t.match(await run(['compare', '--summary-file', file, withPassword, NOWHERE]), { status: 2 })
    t.match(await json(file), { exit_status: 2, error: { code: 'usage' } })
    t.notMatch(await readFile(file, 'utf8'), /secret/)
    const { url, moving } = await slowCloud(t)
    const stop = new AbortController()
    const words = ['dump', '--summary-file', file, url, join(folder, 'dump')]
    const running = run(words, {}, { signal: stop.signal })
    await moving()
    stop.abort(new Stopped('SIGTERM'))
    t.match(await running, { status: 143 })
    t.match(await json(file), { exit_status: 143, totals: { interrupted: 1 } })
  })
})

t.test('--metrics-file', async t => {
  const [one, clock] = [await startTestServer(t), new FakeClock(NOW)]
  await run(['load', one.url, IMAGES])
  const folder = t.testdir({ dump: {} })
  const [file, dump] = [join(folder, 'glance.prom'), join(folder, 'dump')]
  const words = ['--metrics-file', file, one.url, dump]
  const labels = `{command="dump",source="${one.url}",path="${dump}"`
  const began = Date.parse(NOW) / 1000

  await t.test('are untouched by a dry run', async t => {
    t.match(await run(['dump', '--dry-run', ...words], {}, { clock }), { status: 0 })
    t.notOk(existsSync(file))
  })

  await t.test('tell of success, images, bytes, duration and lag', async t => {
    t.match(await run(['dump', ...words], {}, { clock }), { status: 0 })
    const text = await readFile(file, 'utf8')
    for (const line of [
      '# TYPE glance_replicator_last_success_timestamp_seconds gauge',
      `glance_replicator_last_run_timestamp_seconds${labels}} ${began}`,
      `glance_replicator_last_run_duration_seconds${labels}} 0`,
      `glance_replicator_last_run_exit_status${labels}} 0`,
      `glance_replicator_last_success_timestamp_seconds${labels}} ${began}`,
      `glance_replicator_last_success_start_timestamp_seconds${labels}} ${began}`,
      `glance_replicator_images${labels},result="created"} 5`,
      `glance_replicator_images${labels},result="failed"} 0`,
      `glance_replicator_bytes${labels},result="created"} 53248`,
      `glance_replicator_lag_seconds${labels}} 0`,
    ]) {
      t.ok(text.split('\n').includes(line), line)
    }
    for (const line of text.trimEnd().split('\n')) {
      t.match(
        line,
        /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{([a-z_]+="[^"\\\n]*",?)+\} -?\d+(\.\d+)?)$/,
      )
    }
    t.same((await readdir(folder)).toSorted(), ['dump', 'glance.prom'])
  })

  await t.test('of a failed run keep the last success, and the lag grows from it', async t => {
    clock.advance(HOUR)
    await one[Symbol.asyncDispose]()
    t.match(await run(['dump', ...words], {}, { clock }), { status: 3 })
    const text = await readFile(file, 'utf8')
    t.match(text, `glance_replicator_last_run_exit_status${labels}} 3\n`)
    t.match(text, `glance_replicator_last_success_timestamp_seconds${labels}} ${began}\n`)
    t.match(text, `glance_replicator_lag_seconds${labels}} 3600\n`)
  })

  await t.test('have the age of the oldest change that is missing on the target', async t => {
    const at = (time: string) => ({ ...imageOf(1), updatedAt: new Date(time) })
    const images = [at('2026-03-01T02:50:00Z'), { ...at('2026-03-01T02:30:00Z'), id: idOf(2) }]
    const url = await startListener(t, (request, response) =>
      sendJson(response, 200, {
        images: request.url?.includes('os_hidden') ? [] : images.map(image => imageToV2(image)),
      }),
    )
    const words = ['compare', '--metrics-file', file, url, `dir:${t.testdir({})}`]
    t.match(await run(words, {}, { clock }), { status: 1 })
    const text = await readFile(file, 'utf8')
    t.match(text, /glance_replicator_lag_seconds\{.*\} 1800\n/)
    t.match(text, /glance_replicator_images\{.*,result="missing"\} 2\n/)
    t.notMatch(text, /last_success/, 'of another pair nothing is carried over')
  })

  await t.test('know nothing of what was not looked at, whatever failed before', async t => {
    const clock = new FakeClock(NOW)
    const images = [1, 2, 3].map(n => imageOf(n, Buffer.from('abc')))
    let asked = () => {}
    const reached = new Promise<void>(resolve => (asked = resolve))
    let fail = () => {}
    const failing = new Promise<void>(resolve => (fail = resolve))
    const url = await startListener(t, (request, response) => {
      if (request.url?.endsWith('/file') === true) {
        asked()
        return void failing.then(() => response.writeHead(404).end())
      }
      sendJson(response, 200, {
        images: request.url?.includes('os_hidden') ? [] : images.map(image => imageToV2(image)),
      })
    })
    const folder = t.testdir({ dump: {} })
    const [metrics, dump] = [join(folder, 'metrics'), join(folder, 'dump')]
    const words = ['dump', '-j', '1', '--max-duration', '1h', '--metrics-file', metrics, url, dump]
    const mask = process.umask(0o077)
    t.teardown(() => process.umask(mask))
    const running = run(words, {}, { clock })
    await reached
    clock.advance(HOUR)
    fail()
    t.match(await running, { status: 1, stdout: /--max-duration is over/ })
    t.notMatch(await readFile(metrics, 'utf8'), /lag_seconds/)
    t.equal((await stat(metrics)).mode & 0o777, 0o644, 'and everybody may read them')
  })
})

t.test('hooks', async t => {
  const one = await startTestServer(t)
  await run(['load', one.url, IMAGES])
  const hooked = (folder: string) =>
    ['change', 'success', 'failure'].flatMap(name => [
      `--on-${name}`,
      `cat > ${folder}/${name}; env | grep ^GLANCE_REPLICATOR_ | sort > ${folder}/environment`,
    ])

  t.test('run after what they are for, with the summary and variables', async t => {
    const top = t.testdir({ first: {}, again: {}, broken: {}, dump: {} })
    const [folder, dump] = [join(top, 'first'), join(top, 'dump')]
    const words = ['dump', ...hooked(folder), one.url, dump]
    const done = async () => (await readdir(folder)).toSorted()
    t.match(await run([...words, '--dry-run'], process.env), { status: 0 })
    t.same(await done(), [], 'a dry run runs none')
    t.match(await run(words, process.env), { status: 0, stderr: /created/ })
    t.same(await done(), ['change', 'environment', 'success'])
    t.match(await json(join(folder, 'change')), { command: 'dump', totals: { created: 5 } })
    t.match(
      await readFile(join(folder, 'environment'), 'utf8'),
      'GLANCE_REPLICATOR_BYTES=53248\n' +
        'GLANCE_REPLICATOR_COMMAND=dump\n' +
        'GLANCE_REPLICATOR_CREATED=5\n' +
        'GLANCE_REPLICATOR_DURATION=',
    )
    const again = join(top, 'again')
    t.match(await run(['dump', ...hooked(again), one.url, dump], process.env), { status: 0 })
    t.same((await readdir(again)).toSorted(), ['environment', 'success'], 'nothing was changed')
    const broken = join(top, 'broken')
    t.match(await run(['dump', ...hooked(broken), NOWHERE, dump], process.env), { status: 3 })
    t.same((await readdir(broken)).toSorted(), ['environment', 'failure'])
    t.match(await readFile(join(broken, 'environment'), 'utf8'), /_EXIT_STATUS=3\n/)
  })

  t.test('tell what they print in the log', async t => {
    const words = ['compare', '--on-success', 'echo out; echo err >&2', one.url, one.url]
    const { stdout, stderr } = await run(words, process.env)
    t.match(stdout, /^0 images missing .*\n$/)
    t.same(stderr.trimEnd().split('\n').toSorted(), ['--on-success: err', '--on-success: out'])
  })

  t.test('that fail are a warning, and no success', async t => {
    t.match(await run(['compare', '--on-success', 'exit 7', one.url, one.url], process.env), {
      status: 1,
      stderr: '--on-success: exit status 7\n',
    })
    t.match(await run(['size', '--on-success', 'exit 7', one.url]), { status: 2 }, 'size has none')
    t.match(await run(['compare', '--on-failure', 'kill $$', NOWHERE, NOWHERE], process.env), {
      status: 3,
      stderr: /\n--on-failure: ended by SIGTERM\n$/,
    })
  })

  t.test('that print a line of any length are told by its beginning', async t => {
    const hook = "head -c 30000000 /dev/zero | tr '\\0' x; echo; echo end"
    const words = ['compare', '--on-success', hook, one.url, one.url]
    const { status, stderr } = await run(words, process.env)
    t.equal(status, 0)
    t.match(stderr, /^--on-success: x{4096}…\n--on-success: end\n$/)
  })

  t.test('are waited for, and not what they leave behind', async t => {
    const clock = new FakeClock(NOW)
    const pid = join(t.testdir(), 'pid')
    const hook = `setsid sh -c 'echo $$ > ${pid}; exec sleep 1000' & until [ -s ${pid} ]; do :; done`
    const words = ['compare', '--on-success', hook, one.url, one.url]
    const running = run(words, process.env, { clock })
    await clock.waitedFor(1000)
    clock.advance(1000)
    t.match(await running, { status: 0, stderr: '' })
    t.ok(clock.isIdle)
    process.kill(Number(await readFile(pid, 'utf8')), 'SIGKILL')
  })

  t.test('end with a program that is told to end twice', async t => {
    const pid = join(t.testdir(), 'pid')
    const hook = `echo $$ > ${pid}; echo here; exec sleep 1000`
    await using running = await startProgram(['compare', '--on-success', hook, one.url, one.url])
    const isThere = async () => (await readFile(pid, 'utf8').catch(() => '')).endsWith('\n')
    while (!(await isThere())) await new Promise(resolve => setImmediate(resolve))
    const ended = new AbortController()
    void running.outcome.then(() => ended.abort())
    while (!ended.signal.aborted) {
      running.kill('SIGTERM')
      await new Promise(resolve => setImmediate(resolve))
    }
    t.match(await running.outcome, { status: 143 })
    const left = Number(await readFile(pid, 'utf8'))
    const state = async () =>
      (await readFile(`/proc/${left}/stat`, 'utf8').catch(() => ') Z')).split(') ')[1]?.[0]
    while ((await state()) !== 'Z') await new Promise(resolve => setImmediate(resolve))
  })

  t.test('and files get no credentials', async t => {
    const folder = t.testdir()
    const [summary, metrics] = [join(folder, 'summary'), join(folder, 'metrics')]
    for (const address of ['me:SECRET@h:9301', 'http://me:p@ss/SECRET@h', 'http://me:SECRET@h']) {
      const words = ['compare', '--summary-file', summary, '--metrics-file', metrics]
      const hook = ['--on-failure', 'env; cat']
      const { status, stderr } = await run([...words, ...hook, address, one.url], process.env)
      t.equal(status, 2)
      t.match(stderr, /credentials do not belong/)
      for (const text of [stderr, await readFile(summary, 'utf8'), await readFile(metrics, 'utf8')])
        t.notMatch(text, /SECRET/)
    }
  })

  t.test('that take too long are ended, with what they started', async t => {
    const clock = new FakeClock(NOW)
    const hook = 'sleep 1000 & wait'
    const words = ['compare', '--hook-timeout', '20s', '--on-success', hook, one.url, one.url]
    const running = run(words, process.env, { clock })
    await clock.waitedFor(20_000)
    clock.advance(20_000)
    t.match(await running, {
      status: 1,
      stderr: '--on-success: ended after 20 seconds, see --hook-timeout\n',
    })
    t.ok(clock.isIdle)
  })
})

t.test('--log-format json makes each line a document', async t => {
  const [one, clock] = [await startTestServer(t), new FakeClock(NOW)]
  const words = ['load', '--log-format', 'json', one.url, IMAGES]
  const { stderr } = await run(words, {}, { clock })
  const lines = stderr
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as object)
  t.equal(lines.length, 5)
  for (const line of lines) t.match(line, { time: NOW, level: 'notice', message: /: created, / })
  const log = join(t.testdir(), 'log')
  await run(['load', '-v', '--log-format=json', '-l', log, one.url, IMAGES], {}, { clock })
  t.match(JSON.parse((await readFile(log, 'utf8')).split('\n')[0] ?? ''), { level: 'info' })
})

t.test('what is no file is written to as it is, and nothing takes its place', async t => {
  const [one, folder] = [await startTestServer(t), t.testdir()]
  for (const { option, expected } of [
    { option: '--summary-file', expected: /^\{\n {2}"command": "compare"/ },
    { option: '--metrics-file', expected: /^# HELP glance_replicator_/ },
  ]) {
    t.test(option, async t => {
      const pipe = join(folder, option)
      t.match(await runCommand('mkfifo', [pipe]), { status: 0 })
      const [ended, read] = await Promise.all([
        run(['compare', option, pipe, one.url, one.url]),
        readFile(pipe, 'utf8'),
      ])
      t.match(ended, { status: 0, stderr: '' })
      t.match(read, expected)
      t.ok((await stat(pipe)).isFIFO())
      t.match(await run(['compare', option, '/dev/null', one.url, one.url]), { status: 0 })
      t.notOk((await stat('/dev/null')).isFile())
    })
  }
  t.test('nor of the standard output, whatever that is', async t => {
    const file = join(folder, 'output')
    const words = ['compare', '--summary-file', '/dev/stdout', one.url, one.url]
    await runCommand('sh', ['-c', 'f=$1; shift; "$@" >"$f"', 'sh', file, ...programWords(words)])
    t.match(await readFile(file, 'utf8'), /^0 images missing .*\n\{\n {2}"command": "compare"/)
  })
  t.test('an archive neither', async t => {
    const pipe = join(folder, 'images.tar')
    await runCommand('mkfifo', [pipe])
    const [ended, read] = await Promise.all([run(['dump', one.url, `tar:${pipe}`]), readFile(pipe)])
    t.match(ended, { status: 0 })
    t.ok(read.length > 0)
    t.ok((await stat(pipe)).isFIFO())
  })
})

t.test('what is wrong with these options is told before anything is done', async t => {
  const folder = t.testdir({ file: '' })
  for (const { words, stderr } of [
    {
      words: ['--max-duration', 'soon'],
      stderr: /--max-duration: expected a time such as .* not 'soon'/,
    },
    {
      words: ['--max-duration', '1h', '--max-duration', '2h'],
      stderr: /--max-duration: give it once/,
    },
    { words: ['--grace', '1w'], stderr: /--grace: expected a time/ },
    { words: ['--hook-timeout', '-1'], stderr: /hook-timeout/ },
    { words: ['--log-format', 'xml'], stderr: /--log-format: expected text or json/ },
    { words: ['--summary-file', '/nowhere/file'], stderr: /--summary-file: ENOENT/ },
    { words: ['--summary-file', folder], stderr: /--summary-file: .* is not a file/ },
    { words: ['--lock='], stderr: /--lock: expected the name of a file/ },
    { words: ['--metrics-file', folder], stderr: /--metrics-file: .* is not a file/ },
  ]) {
    t.test(words.join(' '), async t => {
      const outcome = await run(['livecopy', ...words, NOWHERE, NOWHERE])
      t.match(outcome, { status: 2, stdout: '', stderr })
      t.equal(outcome.stderr.split('\n').length, 2, 'one line')
    })
  }
})

async function json(file: string): Promise<object> {
  return JSON.parse(await readFile(file, 'utf8')) as object // What is in it is what is tested.
}

/**
 * A cloud each of whose images stands still half way until it is released, which may be for good or `broken`. `moving`
 * resolves when the next one does.
 */
async function slowCloud(t: Test, images = 1, end: 'whole' | 'broken' = 'whole') {
  const data = bytesOf(7, 8 * 1024 * 1024)
  const all = Array.from({ length: images }, (_, n) => imageOf(n, data))
  const waiting: ServerResponse[] = []
  let tell = () => {}
  const moving = new Promise<void>(resolve => (tell = resolve))
  let released = false
  const finish = (response: ServerResponse) => {
    if (end === 'broken') response.destroy()
    else response.end(data.subarray(4_000_000))
  }
  const url = await startListener(t, (request, response) => {
    if (request.url?.endsWith('/file') !== true) {
      const listed = request.url?.includes('os_hidden') ? [] : all.map(image => imageToV2(image))
      return sendJson(response, 200, { images: listed })
    }
    response.writeHead(200, { 'content-length': data.length })
    response.write(data.subarray(0, 4_000_000), () => tell())
    if (released) finish(response)
    else waiting.push(response)
  })
  return {
    url,
    moving: async () => await moving,
    release: () => {
      released = true
      for (const response of waiting.splice(0)) finish(response)
    },
  }
}
