"""Turn DataFrames of one's own into a prepared data set, and train a baseline on it."""

import pandas as pd

import sirec

BOOKS, READERS = 12, 40

orders = pd.DataFrame(
    {
        "reader": [f"r{number % READERS}" for number in range(READERS * 8)],
        "book": [f"b{(number * 5 + number // READERS) % BOOKS}" for number in range(READERS * 8)],
        "ordered_at": pd.date_range("2024-01-01", periods=READERS * 8, freq="h"),
        "stars": [1 + number % 5 for number in range(READERS * 8)],
    }
)
books = pd.DataFrame(
    {
        "book": [f"b{number}" for number in range(BOOKS)],
        "name": [f"Book {number}" for number in range(BOOKS)],
        "author": [f"Author {number % 3}" for number in range(BOOKS)],
        "genres": [["novel", "crime"] if number % 2 else ["poems"] for number in range(BOOKS)],
    }
)

made = sirec.prepare(
    orders,
    books,
    name="books",
    user="reader",
    item="book",
    time="ordered_at",
    behaviours={"rating": "stars"},
    attributes=["author", "genres"],
    title="name",
)
print(made.to_frame())  # users, items and interactions after each filter
print(sirec.train("transitions", "books").to_frame())
