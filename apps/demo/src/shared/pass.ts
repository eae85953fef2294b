/** With this a connection is closed whose token was ended by a change of the password: to come back with it would be in vain. */
export const PASSWORD_CHANGED = 4_500;
