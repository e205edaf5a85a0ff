import type fc from 'fast-check'

/** Something that takes what others send. */
export interface Target<Input> {
  readonly name: string
  /** Inputs that JSON can hold, so that one that fails can be kept. */
  readonly inputs: fc.Arbitrary<Input>
  /** What is wrong with what it did with the input; nothing, if all is well. May throw, which is wrong, too. */
  judge(input: Input): Promise<readonly string[]>
}
