"""All that wants a GPU, in one run of bounded time: parts in processes of their own, each result written at once."""
