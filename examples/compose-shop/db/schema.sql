CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text NOT NULL,
    item text NOT NULL,
    ordered timestamptz NOT NULL DEFAULT now(),
    confirmed timestamptz
);
