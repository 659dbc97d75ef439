/** Names are unique per space. */
export function lockKey(service: { readonly space: string; readonly name: string }): string {
  return `${service.space}/${service.name}`;
}
