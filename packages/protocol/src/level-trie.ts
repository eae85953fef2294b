class Node<Value> {
  /** Made with the first: most nodes are leaves. */
  children: Map<string, Node<Value>> | undefined;
  value: Value | undefined;

  child(level: string): Node<Value> | undefined {
    return this.children?.get(level);
  }
}

/**
 * Values by the levels of filters, or of names: a trie. `fitting` and `within` find the one by the other as MQTT 5 has it
 * (section 4.7.1), and cost as little however many there are.
 */
export class LevelTrie<Value> {
  readonly root = new Node<Value>();

  get isEmpty(): boolean {
    return this.root.value === undefined && this.root.children === undefined;
  }

  get(levels: readonly string[]): Value | undefined {
    let node: Node<Value> | undefined = this.root;
    for (const level of levels) node = node?.child(level);
    return node?.value;
  }

  set(levels: readonly string[], value: Value): void {
    let node = this.root;
    for (const level of levels) {
      const next: Node<Value> = node.child(level) ?? new Node<Value>();
      node.children ??= new Map();
      node.children.set(level, next);
      node = next;
    }
    node.value = value;
  }

  delete(levels: readonly string[]): void {
    const path = [this.root];
    for (const level of levels) {
      const next = path.at(-1)?.child(level);
      if (next === undefined) return;
      path.push(next);
    }
    (path.at(-1) as Node<Value>).value = undefined;
    for (let i = levels.length; i > 0; i--) {
      const { children, value } = path[i] as Node<Value>;
      if (children !== undefined || value !== undefined) return;
      const above = path[i - 1] as Node<Value>;
      above.children?.delete(levels[i - 1] as string);
      if (above.children?.size === 0) above.children = undefined;
    }
  }
}

/** Of a trie of filters: the values of those that fit this name. */
export function fitting<Value>(filters: LevelTrie<Value>, name: readonly string[]): Value[] {
  const found: Value[] = [];
  collect(filters.root, name, 0, found);
  return found;
}

/**
 * Of a trie of names: the values of those that this filter fits, and undefined wherever it looked and found none, so that
 * whoever goes on step by step knows what a step costs. What is set or deleted meanwhile may be among them or not.
 */
export function within<Value>(
  names: LevelTrie<Value>,
  filter: readonly string[],
): Generator<Value | undefined, void, void> {
  return walk(names.root, filter, 0);
}

function collect<Value>(node: Node<Value>, name: readonly string[], at: number, found: Value[]): void {
  const rest = node.child('#');
  if (rest?.value !== undefined) found.push(rest.value);
  if (at === name.length) {
    if (node.value !== undefined) found.push(node.value);
    return;
  }
  const same = node.child(name[at] as string);
  if (same !== undefined) collect(same, name, at + 1, found);
  const any = node.child('+');
  if (any !== undefined) collect(any, name, at + 1, found);
}

function* walk<Value>(
  node: Node<Value>,
  filter: readonly string[],
  at: number,
): Generator<Value | undefined, void, void> {
  const level = filter[at];
  yield level === undefined || level === '#' ? node.value : undefined;
  if (level === undefined) return;
  if (level === '#') for (const child of node.children?.values() ?? []) yield* walk(child, filter, at);
  else if (level === '+')
    for (const child of node.children?.values() ?? []) yield* walk(child, filter, at + 1);
  else {
    const child = node.child(level);
    if (child !== undefined) yield* walk(child, filter, at + 1);
  }
}
