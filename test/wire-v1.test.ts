import { assert, dictionary, property, string } from 'fast-check'
import t from 'tap'
import {
  fromV1Headers,
  isV1HeaderText,
  isV1PropertyName,
  toV1Headers,
} from '../lib/wire/v1-headers.ts'

t.test('the headers of the v1 API', async t => {
  t.test('have names in lower case and values as Python prints them', async t => {
    const attributes = [
      ['id', 'x'],
      ['is_public', true],
      ['protected', false],
      ['size', 0],
      ['owner', null],
    ] as const
    const properties = new Map([
      ['os_distro', 'debian'],
      ['none', null],
    ])
    t.strictSame(toV1Headers(attributes, properties), {
      'x-image-meta-id': 'x',
      'x-image-meta-is_public': 'True',
      'x-image-meta-protected': 'False',
      'x-image-meta-size': '0',
      'x-image-meta-property-os_distro': 'debian',
    })
    t.match(toV1Headers(attributes, properties, { nulls: true }), {
      'x-image-meta-owner': '',
      'x-image-meta-property-none': '',
    })
  })

  t.test('are read whatever their case, a hyphen as an underscore', async t => {
    const read = fromV1Headers([
      ['X-Image-Meta-Is-Public', 'yes'],
      ['X-Image-Meta-Property-Os-Distro', 'debian'],
      ['x-image-meta-property-kernel_id', ''],
      ['X-Image-Meta-Owner', ''],
      ['Content-Type', 'text/plain'],
    ])
    t.strictSame(
      [...read.attributes],
      [
        ['is_public', 'yes'],
        ['owner', null],
      ],
    )
    t.strictSame(
      [...read.properties],
      [
        ['os_distro', 'debian'],
        ['kernel_id', null],
      ],
    )
  })

  t.test('that are no UTF-8 are Latin-1', async t => {
    const { attributes } = fromV1Headers([['x-image-meta-name', 'K\xf6ln']])
    t.equal(attributes.get('name'), 'Köln')
  })

  t.test('bring back every property that fits them', async t => {
    assert(
      property(
        dictionary(
          string({ minLength: 1 }).filter(isV1PropertyName),
          string({ unit: 'binary', minLength: 1 }).filter(isV1HeaderText),
        ),
        given => {
          const properties = new Map(Object.entries(given))
          const read = fromV1Headers(Object.entries(toV1Headers([], properties)))
          t.strictSame(read.properties, properties)
        },
      ),
    )
  })

  t.test('do not fit names that come back as others, nor values that do', async t => {
    for (const name of ['', 'Upper', 'hy-phen', 'a b', 'a:b', 'größe'])
      t.notOk(isV1PropertyName(name), name)
    for (const value of ['', ' a', 'a\t', 'a\nb', 'a\0']) t.notOk(isV1HeaderText(value), value)
  })
})
