/** The tables, as the drivers give them: PostgreSQL's gives `bigint` as text. */
export interface Tables {
  notify_notifications: NotificationRow;
  notify_notices: NoticeRow;
  notify_items: ItemRow;
}
export type BigNumber = number | string;

export interface NotificationRow {
  notification_key: string;
  state: string;
  version: number;
  round: number;
  event_at: BigNumber;
  expires_at: BigNumber;
  within_ms: BigNumber | null;
  /** JSON, like the next two. */
  action: string;
  recipients: string;
  lead_times: string;
  asked: string;
}

export interface NoticeRow {
  id: string;
  notification_key: string;
  round: number;
  lead_ms: BigNumber;
  due_at: BigNumber;
  /** When it may be claimed: its time, the end of its lease, or of its backoff. Of what is told: when it was. */
  wake_at: BigNumber;
  state: string;
  lease: string | null;
  /** Where the last confirmed page of recipients ended. */
  page_end: string | null;
  begun: number;
  attempts: number;
  why: string | null;
  settled_at: BigNumber | null;
}

/** That somebody was told of a notice: once, by its primary key. */
export interface ItemRow {
  user_id: string;
  notice_id: string;
  /** 0 unread, 1 read, 2 dismissed. */
  state: number;
  alerted_by: string | null;
}
