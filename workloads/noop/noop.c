/* SPDX-License-Identifier: MIT
 * Nothing: whatever a call of it costs is the binding's and the interpreter's.
 */
void noop(void);

void noop(void)
{
}
