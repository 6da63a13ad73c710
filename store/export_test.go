package store

import "context"

// Setting returns a setting of the connection.
func (p *Postgres) Setting(ctx context.Context, name string) (v string, err error) {
	err = p.db.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&v)
	return v, err
}
