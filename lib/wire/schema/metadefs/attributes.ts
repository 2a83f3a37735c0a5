/** Characters in the name of a namespace, and of anything in it. */
export const NAME_LENGTH = 80

/** When something was created and last changed, as its schema says it. */
export function timesOf(thing: string) {
  return {
    created_at: {
      type: 'string',
      readOnly: true,
      description: `When the ${thing} was created`,
      format: 'date-time',
    },
    updated_at: {
      type: 'string',
      readOnly: true,
      description: `When the ${thing} was last changed`,
      format: 'date-time',
    },
  } as const
}
