/** What columns are called, by dialect. */
export interface ColumnTypes {
  /** Text of up to 255 characters that is compared by code point, and nothing else. */
  readonly name: string;
  /** Text of any length. */
  readonly text: string;
}

/**
 * Forward only: each is run once, in this order, and never changed afterwards. MySQL commits each statement by itself, so a
 * migration that was interrupted there is run again and must bear that: one statement each.
 */
export const migrations: readonly ((types: ColumnTypes) => string)[] = [
  ({ name, text }) => `create table if not exists notify_notifications (
    notification_key ${name} not null primary key,
    state varchar(16) not null,
    version integer not null,
    round integer not null,
    event_at bigint not null,
    expires_at bigint not null,
    within_ms bigint,
    action ${text} not null,
    recipients ${text} not null,
    lead_times ${text} not null,
    asked ${text} not null
  )`,
  ({ name, text }) => `create table if not exists notify_notices (
    id ${name} not null primary key,
    notification_key ${name} not null,
    round integer not null,
    lead_ms bigint not null,
    due_at bigint not null,
    wake_at bigint not null,
    state varchar(16) not null,
    lease varchar(64),
    page_end ${text},
    begun smallint not null,
    attempts integer not null,
    why ${text},
    settled_at bigint
  )`,
  ({ name }) => `create table if not exists notify_items (
    user_id ${name} not null,
    notice_id ${name} not null,
    state smallint not null,
    alerted_by varchar(64),
    primary key (user_id, notice_id)
  )`,
  () => 'create index notify_notices_wake on notify_notices (state, wake_at)',
  () => 'create index notify_notices_key on notify_notices (notification_key)',
  () => 'create index notify_items_notice on notify_items (notice_id, user_id)',
  () => 'create index notify_notifications_expiry on notify_notifications (expires_at)',
];
