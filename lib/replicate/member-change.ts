import type { Endpoint, Membership } from '../endpoint/endpoint.ts'
import type { FieldChange } from '../wire/attributes.ts'

/**
 * How the members of an image are to change on a target, as far as both sides say: their states, and whether they may share it,
 * count where all are known. Undefined where nothing is to be done; `present` is undefined where nothing is known.
 */
export function memberChange(
  present: readonly Membership[] | undefined,
  wanted: readonly Membership[],
  here: Pick<NonNullable<Endpoint['members']>, 'states'>,
): FieldChange | undefined {
  const states = here.states && wanted.every(({ status }) => status !== null)
  const shares = [...wanted, ...(present ?? [])].every(({ canShare }) => canShare !== null)
  const show = (members: readonly Membership[]) =>
    members
      .map(({ project, status, canShare }) =>
        [project, ...(states ? [status] : []), ...(shares && canShare ? ['may share'] : [])].join(
          ' ',
        ),
      )
      .toSorted()
  const change = { field: 'members', from: show(present ?? []), to: show(wanted) }
  const isSame = change.from.join('\n') === change.to.join('\n')
  return present !== undefined && isSame ? undefined : change
}
